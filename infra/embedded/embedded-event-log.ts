/**
 * The embedded event log: one SQLite file, `log.sqlite`, that needs no server.
 *
 * Promises: an append is acknowledged once it is synced to the disk (`append.survives`), whole or not at all, and written
 * once, by its transaction (`append.once`). Offsets are given inside the transaction, so that several processes may
 * write and follow at once (`log.ordered`). A read holds no transaction open between its batches.
 */
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import {
  type EventLog,
  type NewRecord,
  type PartitionBounds,
  type ReadOptions,
  type StoredRecord,
  recordLimits,
} from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { areWithinLimits } from '#processors/ports/record-size.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import { AppendQueue, type Committed } from './append-queue.ts'
import { dataFolder } from './data-folder.ts'
import { Doorbell } from './doorbell.ts'
import { type Follower, Followers } from './followers.ts'
import { FrameError, FrameReader } from './frame.ts'
import { LogFile, replaced } from './log-file.ts'
import { Tail } from './tail.ts'
import { TurnTaking } from './turn-taking.ts'
import { damaged, isBusy, logFailure } from './sqlite-error.ts'

export interface EmbeddedEventLogOptions {
  /** The folder that holds, or will hold, `log.sqlite`. */
  readonly path: string
  /** Of topics that may have many; counts when the log is created. Default 1. */
  readonly partitions?: number
  /** 'off' does not sync: a power cut may lose what was acknowledged. For tests. */
  readonly syncMode?: 'full' | 'off'
  /** How long an append waits while other processes write. Default 30,000 ms. */
  readonly busyPatienceMs?: number
}

export interface EmbeddedEventLog extends EventLog {
  /** Gives up the records before an offset. For operators and tests; nothing in Lattice calls it. */
  trim(topic: Topic, partition: number, before: number): Promise<void>
}

/** Opens the log of a folder, creating what is missing. Errors: `log.unavailable`, `log.damaged`, `log.newer`, `log.full`. */
export function openEmbeddedEventLog(options: EmbeddedEventLogOptions): Promise<EmbeddedEventLog> {
  return new Promise((open) => open(new SqliteEventLog(options)))
}

/** A read fetches about this much at a time. */
const fetchBytes = 1024 * 1024
/** Records: of a thousand at a time the engine's young heap carries all along, and decoding takes a quarter more CPU. */
const usualBatch = 256
/** A read gives up the thread after this long. */
const turnMs = 5
const busyWaitMs = 1
const defaultPatienceMs = 30_000

class SqliteEventLog implements EmbeddedEventLog {
  readonly backend = 'embedded'
  readonly id: string
  readonly durability: string
  readonly #file: LogFile
  readonly #queue: AppendQueue
  readonly #bell: Doorbell
  readonly #followers = new Followers()
  readonly #tails = new Map<string, Tail>()
  /** Committed, and not told to followers yet. */
  #news: Committed[] = []
  #dataVersion: number
  #closed = false

  constructor(options: EmbeddedEventLogOptions) {
    const { partitions = 1, syncMode = 'full', busyPatienceMs = defaultPatienceMs } = options
    const folder = dataFolder(options.path)
    this.#file = new LogFile(join(folder, 'log.sqlite'), { partitions, synced: syncMode === 'full' })
    this.#bell = new Doorbell(join(folder, 'log.bell'), () => this.#look())
    this.#queue = new AppendQueue(this.#file, {
      turns: new TurnTaking(join(folder, 'log.turn')),
      busyPatienceMs,
      committed: (committed) => this.#keep(committed),
    })
    this.#dataVersion = this.#file.dataVersion()
    this.id = this.#file.id
    this.durability =
      syncMode === 'full'
        ? 'on disk: synced before it is acknowledged'
        : 'with the operating system: survives a crash of the process, not a power cut (sync is off)'
  }

  partitions(topic: Topic): number {
    return this.#file.partitions(topic)
  }

  async append(topic: Topic, records: readonly NewRecord[]): Promise<readonly Position[]> {
    if (this.#closed) throw closed()
    if (!areWithinLimits(records)) throw tooLarge(records)
    return records.length === 0 ? [] : await this.#queue.append(topic, records)
  }

  async *read(from: Position, options: ReadOptions = {}): AsyncGenerator<readonly StoredRecord[], void, void> {
    const { follow = false, signal } = options
    if (isAborted(signal)) return
    const listening = follow ? this.#follow(from, signal) : undefined
    try {
      const until = await this.#patiently(options, () => this.#start(from, options))
      yield* this.#batches(from, { ...options, until, follower: listening?.follower })
    } catch (error) {
      if (isAborted(signal) || (follow && this.#closed)) return
      throw error instanceof FrameError ? damaged(this.#file.path, error) : error
    } finally {
      listening?.remove()
    }
  }

  async bounds(topic: Topic): Promise<readonly PartitionBounds[]> {
    const partitions = Array.from({ length: this.#file.partitions(topic) }, (_, partition) => partition)
    return await this.#patiently({}, () =>
      partitions.map((partition) => ({ partition, ...this.#file.bounds(topic, partition) })),
    )
  }

  async trim(topic: Topic, partition: number, before: number): Promise<void> {
    await this.#patiently({}, () => this.#file.transaction(() => this.#file.trim(topic, partition, before)))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#followers.wakeAll()
    await this.#queue.settled()
    this.#tell()
    this.#bell.close()
    this.#file.close()
  }

  /** Checks that this history is the reader's, and says where a read that doesn't follow ends. */
  #start(from: Position, options: ReadOptions): number {
    const { topic, partition, offset } = from
    const { first, next } = this.#file.bounds(topic, partition)
    if (offset > next) throw diverged(from, `the log ends at ${next}`)
    if (offset < first) throw trimmed(from, first)
    if (options.after !== undefined && offset > first) {
      const [before] = take(this.#fetch({ ...from, offset: offset - 1 }, 1), offset - 1, 1)
      const id = before?.headers['ce_id'] ?? ''
      if (id !== options.after)
        throw diverged(from, `the record before it is ${id || 'without id'}, not ${options.after}`)
    }
    return options.follow === true ? Infinity : next
  }

  async *#batches(
    from: Position,
    options: ReadOptions & { until: number; follower: Follower | undefined },
  ): AsyncGenerator<readonly StoredRecord[], void, void> {
    const { until, follower, signal, batchSize = usualBatch } = options
    const tail = follower === undefined ? undefined : this.#tailOf(from)
    let at = from.offset
    let fetched: FrameReader[] = []
    let turnEnds = performance.now() + turnMs
    while (at < until) {
      const news = follower?.news ?? 0
      // After taking the count: an abort before it has woken nobody.
      if (isAborted(signal) || (this.#closed && follower !== undefined)) return
      const held = fetched.length === 0 ? (tail?.from(at, batchSize) ?? []) : []
      const isAtEnd = follower?.mustLook === false && tail?.end === at
      if (fetched.length === 0 && held.length === 0 && !isAtEnd) {
        if (follower !== undefined) follower.mustLook = false
        fetched = await this.#patiently(options, () => this.#fetch({ ...from, offset: at }, batchSize))
        if (follower !== undefined && fetched.length > 0) follower.mustLook = true
      }
      const batch = held.length > 0 ? held : take(fetched, at, Math.min(batchSize, until - at))
      if (batch.length > 0) {
        at += batch.length
        yield batch
      } else if (follower === undefined) {
        throw new Failure('log.gap', `${named(from)}: nothing at ${at}, though the log goes on to ${until}`)
      } else {
        await follower.newsAfter(news)
      }
      if (performance.now() > turnEnds) {
        await turn()
        turnEnds = performance.now() + turnMs
      }
    }
  }

  /** The frames from an offset on; none at the end. */
  #fetch(from: Position, records: number): FrameReader[] {
    const { topic, partition, offset } = from
    const frames = this.#file.frames(topic, partition, offset, { records, bytes: fetchBytes })
    if ((frames[0]?.base ?? Infinity) > offset) {
      const { first, next } = this.#file.bounds(topic, partition)
      if (offset < first) throw trimmed(from, first)
      if (offset > next || !this.#file.isInPlace()) throw replaced(this.#file.path)
      if (offset < next && frames.length > 0)
        throw new Failure('log.gap', `${named(from)}: the next record is ${frames[0]?.base}`)
    }
    return frames.map(({ base, bytes }) => new FrameReader(base, bytes))
  }

  #tailOf({ topic, partition }: Pick<Position, 'topic' | 'partition'>): Tail {
    const name = `${topic}/${partition}`
    let tail = this.#tails.get(name)
    if (tail === undefined) this.#tails.set(name, (tail = new Tail()))
    return tail
  }

  /** Followers are told a turn later: first come those who wait for their appends. */
  #keep(committed: readonly Committed[]): void {
    for (const one of committed) {
      if (this.#followers.has(one.topic, one.partition)) this.#tailOf(one).add(one.base, one.records)
    }
    if (this.#news.length === 0) setImmediate(() => this.#tell())
    this.#news.push(...committed)
  }

  #tell(): void {
    const news = this.#news
    this.#news = []
    for (const { topic, partition } of news) this.#followers.wake(topic, partition)
    if (news.length > 0) this.#bell.ring()
  }

  #follow(from: Position, signal: AbortSignal | undefined): ReturnType<Followers['add']> {
    return this.#followers.add(from.topic, from.partition, { signal, listen: () => this.#bell.listen() })
  }

  /** Has another process written, and where? */
  #look(): void {
    try {
      const version = this.#file.dataVersion()
      if (!this.#file.isInPlace()) this.#followers.wakeAll()
      if (version === this.#dataVersion) return
      this.#followers.wakeChanged((topic, partition) => {
        const { first, next } = this.#file.bounds(topic, partition)
        return `${first} ${next}`
      })
      this.#dataVersion = version
    } catch {
      // Locked for a moment: the next look is soon.
    }
  }

  /** Does what needs the file, again and again while another process keeps it locked. */
  async #patiently<T>(options: ReadOptions, work: () => T): Promise<T> {
    const { signal, patienceMs = options.follow === true ? Infinity : defaultPatienceMs } = options
    const deadline = performance.now() + patienceMs
    for (;;) {
      if (this.#closed) throw closed()
      try {
        return work()
      } catch (error) {
        const giveUp = performance.now() > deadline || isAborted(signal)
        if (!isBusy(error) || giveUp) throw logFailure(error, this.#file.path)
      }
      await sleep(busyWaitMs)
    }
  }
}

/** At most so many records, in order from `at` on; takes them from the readers. */
function take(readers: FrameReader[], at: number, count: number): StoredRecord[] {
  const records: StoredRecord[] = []
  while (records.length < count && readers[0] !== undefined) {
    const [reader] = readers
    reader.skipTo(at + records.length)
    if (reader.done) readers.shift()
    else if (reader.offset === at + records.length) records.push(reader.next())
    else throw new Failure('log.gap', `the record after ${at + records.length - 1} is ${reader.offset}`)
  }
  while (readers[0]?.done === true) readers.shift()
  return records
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function named(at: Position): string {
  return `${at.topic}:${at.partition}`
}

function closed(): Failure {
  return new Failure('log.closed', 'the log is closed')
}

function tooLarge(records: readonly NewRecord[]): Failure {
  const { records: count, bytes } = recordLimits
  return new Failure(
    'record.too-large',
    `${records.length} records in one append are over ${count}, or over ${bytes} bytes together`,
    {
      remedy: 'Put large fields into the objects, or append in smaller parts.',
    },
  )
}

function diverged(from: Position, found: string): Failure {
  return new Failure('log.diverged', `${named(from)} at ${from.offset} is another history: ${found}`, {
    remedy: 'Was the log replaced or restored? Bring back the log this position belongs to, or rebuild from this one.',
  })
}

function trimmed(from: Position, first: number): Failure {
  return new Failure(
    'log.trimmed',
    `${named(from)}: the records from ${from.offset} on are gone; the first one kept is ${first}`,
    {
      remedy: 'Rebuild from an archive, or restore the log from a backup.',
    },
  )
}
