/**
 * An event log in memory whose appends and reads take their time and fail as a real one's do.
 *
 * Promise: what `EventLog` promises, whatever the faults: an acknowledged append is there, in order, without holes. An
 * append whose outcome is unknown may be there, may not, or may arrive later; a request on its way outlives its sender.
 */
import {
  type EventLog,
  partitionOf,
  type NewRecord,
  type ReadOptions,
  type StoredRecord,
} from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Position } from '#schemas/position.ts'
import { partitionsOf, type Topic, topicNames } from '#schemas/topics.ts'
import type { Random } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'

export interface LogFaults {
  /** Appends that fail with `log.unavailable`, nothing written. */
  unavailable: number
  /** Appends that fail with `append.outcome-unknown`: a third written, a third not, a third written later. */
  unknown: number
}

export type Fate = 'ok' | 'unavailable' | 'unknown, written' | 'unknown, not written' | 'unknown, written later'

export interface SimulatedLog {
  /** The log as one process reaches it. */
  of(life: Life): EventLog
  history(topic: Topic, partition: number): readonly StoredRecord[]
  partitions(topic: Topic): number
  /** Told of each record as it is written. */
  onWritten: (position: Position, record: StoredRecord) => void
  onAppend: (life: Life, records: readonly NewRecord[], fate: Fate) => void
}

interface Partition {
  readonly records: StoredRecord[]
  /** Those that follow and wait for more. */
  waiting: (() => void)[]
}

export function simulatedLog(given: {
  scheduler: Scheduler
  random: Random
  partitions: number
  faults: LogFaults
  /** How long one way over the network, or one continuation, takes now. */
  latency: () => number
}): SimulatedLog {
  const { scheduler, random, faults, latency } = given
  const topics = new Map<Topic, Partition[]>(
    topicNames.map((topic) => [
      topic,
      Array.from({ length: partitionsOf(topic, given.partitions) }, () => ({ records: [], waiting: [] })),
    ]),
  )
  const partitionsOfTopic = (topic: Topic): Partition[] => topics.get(topic)!
  const at = (topic: Topic, partition: number): Partition => partitionsOfTopic(topic)[partition]!

  function write(topic: Topic, records: readonly NewRecord[]): Position[] {
    const all = partitionsOfTopic(topic)
    return records.map((record) => {
      const partition = partitionOf(record.key, all.length)
      const { records: stored, waiting } = all[partition]!
      const position = { topic, partition, offset: stored.length }
      stored.push({ ...record, offset: position.offset })
      self.onWritten(position, stored.at(-1)!)
      for (const wake of waiting.splice(0)) wake()
      return position
    })
  }

  function fateOfAppend(): Fate {
    if (random.chance(faults.unavailable)) return 'unavailable'
    if (!random.chance(faults.unknown)) return 'ok'
    return random.pick(['unknown, written', 'unknown, not written', 'unknown, written later'])
  }

  function append(life: Life, topic: Topic, records: readonly NewRecord[]): Promise<readonly Position[]> {
    return new Promise((resolve, reject) => {
      scheduler.after(latency(), undefined, () => {
        if (life.dead && random.chance(0.5)) return
        const fate = fateOfAppend()
        self.onAppend(life, records, fate)
        const reply = (answer: () => void): void => void scheduler.after(latency(), life, answer)
        if (fate === 'unavailable') return reply(() => reject(new Failure('log.unavailable', 'simulated')))
        const positions = fate === 'ok' || fate === 'unknown, written' ? write(topic, records) : []
        if (fate === 'ok') return reply(() => resolve(positions))
        if (fate === 'unknown, written later')
          scheduler.after(10 * latency(), undefined, () => void write(topic, records))
        reply(() => reject(new Failure('append.outcome-unknown', 'simulated')))
      })
    })
  }

  async function* read(life: Life, from: Position, options: ReadOptions): AsyncGenerator<readonly StoredRecord[]> {
    const { follow = false, signal, after } = options
    const partition = at(from.topic as Topic, from.partition)
    const { records } = partition
    let next = from.offset
    const end = follow ? Infinity : records.length
    if (next > records.length) throw new Failure('log.diverged', 'beyond the end')
    if (after !== undefined && next > 0 && records[next - 1]?.headers['ce_id'] !== after) {
      throw new Failure('log.diverged', 'another record before')
    }
    const over = (): boolean => signal?.aborted === true || next >= end
    while (!over()) {
      if (next === records.length) await more(partition, signal)
      await new Promise<void>((resolve) => scheduler.after(latency(), life, resolve))
      const to = Math.min(end, next + random.between(1, 8), records.length)
      if (over() || to === next) continue
      yield records.slice(next, to)
      next = to
    }
  }

  function more(partition: Partition, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      partition.waiting.push(resolve)
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  const self: SimulatedLog = {
    of: (life) => ({
      id: 'simulated',
      backend: 'simulated',
      durability: 'as long as the simulation',
      partitions: (topic) => partitionsOfTopic(topic).length,
      append: (topic, records) => append(life, topic, records),
      read: (from, options = {}) => read(life, from, options),
      async bounds(topic) {
        await new Promise<void>((resolve) => scheduler.after(latency(), life, resolve))
        return partitionsOfTopic(topic).map(({ records }, partition) => ({ partition, first: 0, next: records.length }))
      },
      close: () => Promise.resolve(),
    }),
    history: (topic, partition) => at(topic, partition).records,
    partitions: (topic) => partitionsOfTopic(topic).length,
    onWritten: () => {},
    onAppend: () => {},
  }
  return self
}
