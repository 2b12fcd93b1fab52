/**
 * One worker's view of a consumer group on one partition: the commands, and what their answers and errors mean.
 *
 * Promise: a group begins at the first record; one that is gone with its stream in place (a restored dump) is made again,
 * a stream that is gone is `log.diverged`. Everything here may be repeated.
 */
import type { Script } from './redis-connection.ts'
import { failureOf, isReply, troubleOf } from './redis-failure.ts'
import type { Partition, RedisHistory } from './redis-history.ts'
import { releaseScript, renewScript, retireScript } from './share-scripts.ts'
import { type Entry, entriesByStream, fieldOf, offsetOf, streamId } from './stream-record.ts'

export interface GroupPartition {
  readonly partition: Partition
  /** Makes the group if it is not there. */
  create(): Promise<void>
  /** Records never delivered yet. One try, as its answer may be lost with records in it: see `own`. */
  fresh(count: number): Promise<readonly Entry[]>
  /** What this worker holds, also what it was never told of. */
  own(count: number): Promise<readonly Entry[]>
  /** What others hold and have not renewed for `idleMs`; now this worker's. */
  claim(idleMs: number, count: number): Promise<readonly Entry[]>
  /** Offset of the first record never delivered to the group. */
  next(): Promise<number>
  finish(offsets: readonly number[]): Promise<void>
  /** Keeps them for another lease; answers those that are no longer this worker's. */
  renew(offsets: readonly number[]): Promise<readonly number[]>
  /** Lets go of everything, so that it is claimed at once. */
  release(): Promise<void>
  /** Removes workers that hold nothing and have not been heard of for `idleMs`. */
  retireSilent(idleMs: number): Promise<void>
  backlog(): Promise<{ readonly waiting: number; readonly taken: number }>
}

export interface GroupOptions {
  readonly group: string
  /** Name of this worker; its own, never used again. */
  readonly consumer: string
  readonly patienceMs: number
  readonly signal?: AbortSignal
}

export function createGroupPartition(
  history: RedisHistory,
  partition: Partition,
  options: GroupOptions,
): GroupPartition {
  const { redis } = history
  const { stream, topic } = partition
  const { group, consumer } = options
  const patience = { ...options, doing: `sharing out ${topic}` }

  async function ask(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return await mended(async () => await redis.ask(command, args, patience))
  }

  async function script(script: Script, ...args: readonly (string | number)[]): Promise<unknown> {
    return await mended(async () => await redis.run(script, [stream], [group, consumer, ...args]))
  }

  /** Once more, where the group was missing. */
  async function mended<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work().catch(async (error: unknown) => {
        if (!isReply(error) || !error.message.includes('NOGROUP')) throw error
        await create()
        return await work()
      })
    } catch (error) {
      // XINFO says so of a stream that others find without its group.
      if (isReply(error) && error.message.includes('no such key')) {
        throw await history.diverged(partition, 'its stream is gone')
      }
      throw named(error)
    }
  }

  async function create(): Promise<void> {
    try {
      await redis.ask('xgroup', ['CREATE', stream, group, '0'], patience)
    } catch (error) {
      if (isReply(error) && error.message.includes('BUSYGROUP')) return
      if (isReply(error) && error.message.includes('requires the key')) {
        throw await history.diverged(partition, 'its stream is gone')
      }
      throw named(error)
    }
  }

  /** What passes stays as it is, for whoever tries again. */
  function named(error: unknown): unknown {
    const trouble = troubleOf(error)
    const isFinal = trouble === 'refused' || trouble === 'forbidden'
    return isFinal ? failureOf(error, { doing: patience.doing, address: redis.address }) : error
  }

  async function fresh(count: number): Promise<readonly Entry[]> {
    const args = ['GROUP', group, consumer, 'COUNT', count, 'STREAMS', stream, '>']
    return entriesOf(await mended(async () => await redis.send('xreadgroup', ...args)))
  }

  async function own(count: number): Promise<readonly Entry[]> {
    return entriesOf(await ask('xreadgroup', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', stream, '0'))
  }

  async function claim(idleMs: number, count: number): Promise<readonly Entry[]> {
    const claimed: Entry[] = []
    let cursor = '0-0'
    do {
      const args = [stream, group, consumer, idleMs, cursor, 'COUNT', count - claimed.length] as const
      const [next, entries] = (await ask('xautoclaim', ...args)) as [Buffer, (Entry | null)[]]
      // Redis 6.2 gives nothing for an entry trimmed from the stream, and does not say which.
      claimed.push(...entries.filter((entry) => entry !== null))
      cursor = next.toString()
    } while (cursor !== '0-0' && claimed.length < count)
    return claimed
  }

  async function next(): Promise<number> {
    return (await state())?.next ?? 0
  }

  async function state(): Promise<{ readonly next: number; readonly taken: number } | undefined> {
    const groups = (await ask('xinfo', 'GROUPS', stream)) as readonly (readonly unknown[])[]
    const mine = groups.find((fields) => String(fieldOf(fields, 'name')) === group)
    if (mine === undefined) return undefined
    const last = offsetOf(fieldOf(mine, 'last-delivered-id') as Buffer) ?? -1
    return { next: last + 1, taken: Number(fieldOf(mine, 'pending')) }
  }

  async function finish(offsets: readonly number[]): Promise<void> {
    await ask('xack', stream, group, ...offsets.map(streamId))
  }

  async function renew(offsets: readonly number[]): Promise<readonly number[]> {
    const lost = (await script(renewScript, ...offsets.map(streamId))) as readonly Buffer[]
    return lost.map((id) => offsetOf(id) ?? -1)
  }

  async function release(): Promise<void> {
    await script(releaseScript)
  }

  async function retireSilent(idleMs: number): Promise<void> {
    const consumers = (await ask('xinfo', 'CONSUMERS', stream, group)) as readonly (readonly unknown[])[]
    for (const fields of consumers) {
      const silent = Number(fieldOf(fields, 'pending')) === 0 && Number(fieldOf(fields, 'idle')) > idleMs
      if (silent) await redis.run(retireScript, [stream], [group, String(fieldOf(fields, 'name'))])
    }
  }

  async function backlog(): Promise<{ readonly waiting: number; readonly taken: number }> {
    const bounds = await history.bounds(partition)
    const { next, taken } = (await state()) ?? { next: 0, taken: 0 }
    return { waiting: Math.max(0, bounds.next - Math.max(next, bounds.first)), taken }
  }

  return { partition, create, fresh, own, claim, next, finish, renew, release, retireSilent, backlog }
}

function entriesOf(reply: unknown): readonly Entry[] {
  return entriesByStream(reply)[0]?.[1] ?? []
}
