/**
 * One worker's membership of a Kafka consumer group: joining, being given partitions, heartbeats, commits, leaving.
 *
 * kafkajs' consumer is not used: it stops all its partitions for each rebalance, cannot keep one where its work is under
 * way, and restarts itself after errors it does not name. Its requests are, one by one.
 *
 * Promises: between two `given` calls the partitions are this member's alone, as far as the broker knows; after `lost`
 * none is. A partition given up is offered to others only after `rejoin()` is called with it no longer held. A member
 * silent for `leaseMs` is dropped by the broker, and finds that out before it is given anything again.
 * Source: https://kafka.apache.org/protocol (JoinGroup, SyncGroup, Heartbeat); KIP-429 for the two meetings of a move.
 */
import { AssignerProtocol } from 'kafkajs'
import { Failure } from '#processors/ports/failure.ts'
import { type KafkaCluster, type Lane, Unreachable } from './cluster.ts'
import { type Link, messageOf, protocolError } from './connection.ts'
import { type Committed } from './finished-offsets.ts'
import { type Held, assign, decodeClaims, encodeClaims } from './group-assignment.ts'
import { Patience } from './patience.ts'

export interface GroupMemberOptions {
  readonly groupId: string
  /** Kafka's name of the topic, and how many partitions it has. */
  readonly topic: string
  readonly partitions: number
  readonly leaseMs: number
  readonly signal: AbortSignal
  /** What this worker holds now, given up or not, as long as it must not go to another. */
  readonly held: () => readonly Held[]
  readonly given: (partitions: readonly number[]) => void
  readonly lost: () => void
}

/** Only members that share out alike can be one group. */
const PROTOCOL = 'lattice-1'

export class GroupMember {
  readonly #cluster: KafkaCluster
  readonly #options: GroupMemberOptions
  readonly #lane: Lane
  #memberId = ''
  #generation = -1
  #coordinator: number | undefined
  #wake: () => void = () => {}
  #rejoin = false

  constructor(cluster: KafkaCluster, options: GroupMemberOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#lane = `group ${nextLane++}`
  }

  /** Resolves when the signal aborts; rejects with a Failure that only a person can mend. The caller then leaves. */
  async run(): Promise<void> {
    const { signal } = this.#options
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    let patience = new Patience(Infinity, signal)
    while (!signal.aborted) {
      try {
        const link = await this.#link(this.#lane)
        await this.#meet(link)
        patience = new Patience(Infinity, signal)
        await this.#beat(link)
      } catch (error) {
        await this.#recover(error, patience)
      }
    }
  }

  /** Meets the others again, to be given something or to have given something up. */
  rejoin(): void {
    this.#rejoin = true
    this.#wake()
  }

  /** Whether the broker took it. One that is refused or lost means that some records may be handed out again. */
  async commit(offsets: ReadonlyMap<number, Committed>): Promise<boolean> {
    if (offsets.size === 0) return true
    if (this.#generation < 0) return false
    const { groupId, topic } = this.#options
    const partitions = [...offsets].map(([partition, { offset, metadata }]) => ({ partition, offset, metadata }))
    const request = { ...this.#me(), groupId, topics: [{ topic, partitions }] }
    try {
      const link = await this.#link('read')
      await link.ask(async (broker) => await broker.offsetCommit(request))
      return true
    } catch (error) {
      if (movedErrors.has(protocolError(error) ?? '')) this.#coordinator = undefined
      return false
    }
  }

  /** What the group has committed; -1 where it has nothing. */
  async committed(partitions: readonly number[]): Promise<Map<number, Committed>> {
    const { groupId, topic } = this.#options
    return await fetchCommitted(await this.#link('read'), { groupId, topic, partitions })
  }

  async leave(): Promise<void> {
    if (this.#memberId === '') return
    try {
      const link = await this.#link('read')
      const { groupId } = this.#options
      await link.ask(async (broker) => await broker.leaveGroup({ groupId, memberId: this.#memberId }))
    } catch {
      // The broker drops a silent member by itself.
    }
  }

  /** A meeting holds up its connection until all are there, so nothing else goes over the membership's own lane. */
  async #link(lane: Lane): Promise<Link> {
    this.#coordinator ??= await findCoordinator(this.#cluster, this.#options.groupId)
    try {
      return await this.#cluster.link(this.#coordinator, lane)
    } catch (error) {
      this.#coordinator = undefined
      throw error
    }
  }

  /** Joins and is given its partitions; the member that leads decides for all. */
  async #meet(link: Link): Promise<void> {
    const { groupId, leaseMs, held, given } = this.#options
    this.#rejoin = false
    const claims = encodeClaims({ generation: this.#generation, holds: held() })
    const joined = await link.ask(
      async (broker) =>
        await broker.joinGroup({
          groupId,
          memberId: this.#memberId,
          sessionTimeout: leaseMs,
          rebalanceTimeout: Math.max(leaseMs, SLOWEST_JOIN_MS),
          groupProtocols: [{ name: PROTOCOL, metadata: this.#metadata(claims) }],
        }),
    )
    this.#memberId = joined.memberId
    const { generationId, memberId } = joined
    const groupAssignment = joined.leaderId === memberId ? this.#decide(joined.members) : []
    const { memberAssignment } = await link.ask(
      async (broker) => await broker.syncGroup({ groupId, memberId, generationId, groupAssignment }),
    )
    this.#generation = generationId
    const mine = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[this.#options.topic] ?? []
    given(mine)
  }

  #metadata(claims: Buffer): Buffer {
    return AssignerProtocol.MemberMetadata.encode({ version: 0, topics: [this.#options.topic], userData: claims })
  }

  #decide(members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]) {
    const { topic, partitions } = this.#options
    const known = members.map(({ memberId, memberMetadata }) =>
      decodeClaims(memberId, AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData ?? null),
    )
    return [...assign(known, partitions)].map(([memberId, mine]) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment: { [topic]: mine },
        userData: Buffer.alloc(0),
      }),
    }))
  }

  async #beat(link: Link): Promise<void> {
    const { groupId, leaseMs, signal } = this.#options
    const everyMs = Math.min(1_000, leaseMs / 5)
    while (!signal.aborted && !this.#rejoin) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      if (signal.aborted || this.#rejoin) return
      await link.ask(async (broker) => await broker.heartbeat({ ...this.#me(), groupId }))
    }
  }

  #me() {
    return { memberId: this.#memberId, groupGenerationId: this.#generation }
  }

  async #recover(error: unknown, patience: Patience): Promise<void> {
    const name = protocolError(error)
    if (name === 'REBALANCE_IN_PROGRESS') return
    if (name === 'UNKNOWN_MEMBER_ID' || name === 'ILLEGAL_GENERATION' || name === 'FENCED_INSTANCE_ID') {
      this.#memberId = ''
      this.#generation = -1
      this.#options.lost()
      return
    }
    if (name === 'INVALID_SESSION_TIMEOUT') {
      throw new Failure('settings.invalid', `Kafka allows no lease of ${this.#options.leaseMs} ms`, {
        remedy: 'Set it between group.min.session.timeout.ms and group.max.session.timeout.ms of the brokers.',
      })
    }
    if (name !== undefined && /AUTHORIZATION|INCONSISTENT_GROUP_PROTOCOL|INVALID_GROUP_ID/.test(name)) {
      throw new Failure('log.unavailable', `Kafka refuses the group ${this.#options.groupId}: ${messageOf(error)}`, {
        remedy: 'See what the broker says; its access rules, or other members of the group, may not allow this.',
      })
    }
    this.#coordinator = undefined
    await patience.wait(error)
    await this.#cluster.refresh().catch(() => {})
  }
}

/** A member has this long to come to a meeting, at least. */
const SLOWEST_JOIN_MS = 5_000
const movedErrors: ReadonlySet<string> = new Set(['NOT_COORDINATOR_FOR_GROUP', 'GROUP_COORDINATOR_NOT_AVAILABLE'])
let nextLane = 0

export async function findCoordinator(cluster: KafkaCluster, groupId: string): Promise<number> {
  const link = await cluster.controller()
  const { coordinator } = await link.ask(
    async (broker) => await broker.findGroupCoordinator({ groupId, coordinatorType: 0 }),
  )
  return coordinator.nodeId
}

export async function fetchCommitted(
  link: Link,
  wanted: { readonly groupId: string; readonly topic: string; readonly partitions: readonly number[] },
): Promise<Map<number, Committed>> {
  const { groupId, topic } = wanted
  const partitions = wanted.partitions.map((partition) => ({ partition }))
  const { responses } = await link.ask(
    async (broker) => await broker.offsetFetch({ groupId, topics: [{ topic, partitions }] }),
  )
  const found = new Map<number, Committed>()
  for (const { partition, offset, metadata, errorCode } of responses.flatMap((one) => one.partitions)) {
    if (errorCode !== 0) throw new Unreachable(`committed offsets of ${groupId}: error ${errorCode}`)
    found.set(partition, { offset: Number(offset), metadata: metadata ?? '' })
  }
  return found
}
