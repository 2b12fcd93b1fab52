/**
 * Which member of a group reads which partition, decided by the member that leads the group.
 *
 * Promises: pure and deterministic. No partition is given to one member while another still holds it: it is taken from
 * the one first, who finishes what it has handed out and says so, and given to the other at the next meeting. Held
 * partitions stay where they are as long as the shares are even (they differ by one at most), and where some must move,
 * those with the least under way do.
 */
export interface Member {
  readonly id: string
  /** What it still holds, and how many records of each are under way. */
  readonly holds: readonly Held[]
  /** The generation its claims are from; of two that claim one partition the later is right. */
  readonly generation: number
}

export interface Held {
  readonly partition: number
  readonly underWay: number
}

/** Partitions of each member, by id. */
export function assign(members: readonly Member[], partitions: number): Map<string, number[]> {
  const holders = holdersOf(members, partitions)
  const inOrder = members.toSorted((a, b) => holdsOf(holders, b.id) - holdsOf(holders, a.id) || compare(a.id, b.id))
  const share = Math.floor(partitions / members.length)
  const larger = partitions % members.length

  const given = new Map<string, number[]>()
  inOrder.forEach(({ id, holds }, rank) => {
    const own = holds.filter(({ partition }) => holders.get(partition) === id)
    const busiestFirst = own.toSorted((a, b) => b.underWay - a.underWay || a.partition - b.partition)
    given.set(
      id,
      busiestFirst.slice(0, share + (rank < larger ? 1 : 0)).map(({ partition }) => partition),
    )
  })

  const free = Array.from({ length: partitions }, (_, partition) => partition).filter((one) => !holders.has(one))
  for (const [rank, { id }] of inOrder.entries()) {
    const mine = given.get(id) as number[]
    // What others hold too much of comes free later; room for it is kept by whoever is short of it.
    while (mine.length < share + (rank < larger ? 1 : 0) && free.length > 0) mine.push(free.shift() as number)
  }
  for (const mine of given.values()) mine.sort((a, b) => a - b)
  return given
}

function holdersOf(members: readonly Member[], partitions: number): Map<number, string> {
  const holders = new Map<number, string>()
  const oldestFirst = members.toSorted((a, b) => a.generation - b.generation || compare(b.id, a.id))
  for (const { id, holds } of oldestFirst) {
    for (const { partition } of holds) if (partition >= 0 && partition < partitions) holders.set(partition, id)
  }
  return holders
}

function holdsOf(holders: ReadonlyMap<number, string>, id: string): number {
  let count = 0
  for (const holder of holders.values()) if (holder === id) count += 1
  return count
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** What a member tells the leader when it joins. */
export function encodeClaims(member: Omit<Member, 'id'>): Buffer {
  const { generation, holds } = member
  return Buffer.from(
    JSON.stringify({ generation, holds: holds.map(({ partition, underWay }) => [partition, underWay]) }),
  )
}

/** A member that says nothing we understand holds nothing. */
export function decodeClaims(id: string, claims: Buffer | null): Member {
  try {
    const said: unknown = JSON.parse(claims?.toString('utf8') ?? '')
    if (
      typeof said === 'object' &&
      said !== null &&
      'generation' in said &&
      'holds' in said &&
      Array.isArray(said.holds)
    ) {
      const holds = said.holds.map((held: unknown) => {
        const [partition, underWay] = held as [number, number]
        return { partition, underWay }
      })
      return { id, generation: Number(said.generation), holds }
    }
  } catch {
    // Not ours.
  }
  return { id, generation: -1, holds: [] }
}
