import type { AnyStoredEvent, Decoded } from '#processors/journal/read.ts'
import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { RowFile } from '#processors/ports/row-file.ts'
import { foldTopics } from '#processors/stores/fold-topics.ts'
import type { FoldPorts } from '#processors/stores/fold-topics.ts'
import type { OpenStore } from '#processors/stores/store.ts'

/**
 * Rows of runs in a file that other daemons append to as well (R15): a sink, not a store.
 *
 * Promise: each run that ends gets its row once, made from its accepted events alone, off the path of any request. A killed
 * writer goes on from its note: what it had appended since is found in the file by the rows' own ids. The note says where
 * the oldest run that is still open began, so an open run's state need not be kept. A disk that can't be written stalls
 * the sink, which says so and tries again; rows are late then, never lost.
 */
export interface RowSink<State> {
  readonly name: string
  readonly types: ReadonlySet<string>
  /** After one more accepted event of a run; undefined for a run it makes no row of. */
  fold(state: State | undefined, event: AnyStoredEvent): State | undefined
  /** The row of a run that has ended; undefined while it is open. */
  row(state: State, open: ClaimCheck['open']): Promise<object> | undefined
  /** The run of a line that is ours; undefined for others' lines and for what is no row. */
  ownRunOf(line: string): string | undefined
}

export type RowSinkPorts = Omit<FoldPorts, 'park' | 'folded' | 'skipped'> & {
  readonly file: RowFile
  readonly claimCheck: ClaimCheck
}

/** Resolves at the abort; without `follow`, once what is on the log has its rows. Rejects as a store's fold does. */
export async function writeRows<State>(
  sink: RowSink<State>,
  ports: RowSinkPorts,
  options: { readonly follow: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const writer = await RowWriter.open(sink, ports)
  const definition = {
    name: sink.name,
    version: 1,
    topics: ['runs.v1'],
    wants: (type: string) => sink.types.has(type),
    strangers: false,
    gather: { records: 500, ms: options.follow ? 50 : 0 },
    open: async () => writer,
  } as const
  // The stores set a broken record aside; here it is only left out.
  await foldTopics(definition, writer, { ...ports, park: async () => {} }, options)
  await writer.close()
}

interface Note {
  readonly path: string
  readonly logId: string
  /** Of the file, when the note was written. */
  readonly sizeBytes: number
  /** Where the oldest run began that was open then. */
  readonly from: readonly StoredCheckpoint[]
  /** Runs that ended behind there and have their rows before `sizeBytes`. */
  readonly written: readonly string[]
}

interface OpenRun<State> {
  readonly state: State
  /** Before its first event. */
  readonly began: StoredCheckpoint
}

/** A note costs two syncs: without rows it is written after so many commits. */
const commitsUnnoted = 200

class RowWriter<State> implements OpenStore<undefined> {
  readonly reads = undefined
  readonly #sink: RowSink<State>
  readonly #ports: RowSinkPorts
  readonly #reached: Map<number, StoredCheckpoint>
  readonly #open = new Map<string, OpenRun<State>>()
  /** Runs that have their rows, each with the partition and the end where it ended, once that is known here. */
  readonly #written: Map<string, { partition: number; next: number } | undefined>
  #unnoted = 0
  /** Where the file ended before an append that failed: its row may be there all the same. */
  #doubted: number | undefined
  #turn: Promise<void> = Promise.resolve()

  static async open<State>(sink: RowSink<State>, ports: RowSinkPorts): Promise<RowWriter<State>> {
    const { file, log } = ports
    const note = noteOf(file, log.id)
    const written = new Set(note?.written)
    // A file that is shorter than it was is another one: whoever keeps it small has moved the old one away.
    const from = note === undefined || file.sizeBytes() < note.sizeBytes ? 0 : note.sizeBytes
    for await (const line of file.lines(from)) {
      const run = sink.ownRunOf(line)
      if (run !== undefined) written.add(run)
    }
    const start = note?.from ?? (await log.bounds('runs.v1')).map(({ partition, first }) => startAt(partition, first))
    return new RowWriter(sink, ports, { start, written })
  }

  private constructor(
    sink: RowSink<State>,
    ports: RowSinkPorts,
    { start, written }: { start: readonly StoredCheckpoint[]; written: ReadonlySet<string> },
  ) {
    this.#sink = sink
    this.#ports = ports
    this.#reached = new Map(start.map((at) => [at.partition, at]))
    this.#written = new Map([...written].map((run) => [run, undefined]))
  }

  checkpoints(): Promise<readonly StoredCheckpoint[]> {
    return Promise.resolve([...this.#reached.values()])
  }

  /** Partitions fold side by side, and the file is one. */
  fold(events: readonly Decoded[], checkpoint: StoredCheckpoint): Promise<void> {
    const mine = this.#turn.then(() => this.#fold(events, checkpoint))
    this.#turn = mine.catch(() => {})
    return mine
  }

  async #fold(events: readonly Decoded[], checkpoint: StoredCheckpoint): Promise<void> {
    const { partition, next } = checkpoint
    const began = this.#reached.get(partition) ?? startAt(partition, 0)
    const changed = new Map<string, State>()
    for (const event of events) {
      if ('bad' in event || !event.accepted) continue
      const run = event.record.key
      const state = this.#sink.fold(changed.get(run) ?? this.#open.get(run)?.state, event)
      if (state !== undefined) changed.set(run, state)
    }
    const ended = new Set<string>()
    let wrote = false
    for (const [run, state] of changed) {
      const row = this.#sink.row(state, this.#ports.claimCheck.open)
      if (row === undefined) continue
      ended.add(run)
      const text = row.then(JSON.stringify)
      text.catch(() => {})
      if (await this.#lacks(run)) {
        await this.#append(await text)
        wrote = true
      }
      this.#written.set(run, { partition, next })
    }
    for (const [run, state] of changed) {
      if (ended.has(run)) this.#open.delete(run)
      else this.#open.set(run, { state, began: this.#open.get(run)?.began ?? began })
    }
    this.#reached.set(partition, checkpoint)
    if (wrote || ++this.#unnoted >= commitsUnnoted) this.#tryToKeepNote()
  }

  async #lacks(run: string): Promise<boolean> {
    const from = this.#doubted
    if (from !== undefined) {
      for await (const line of this.#ports.file.lines(from)) {
        const own = this.#sink.ownRunOf(line)
        if (own !== undefined && !this.#written.has(own)) this.#written.set(own, undefined)
      }
      this.#doubted = undefined
    }
    return !this.#written.has(run)
  }

  async #append(row: string): Promise<void> {
    const { file } = this.#ports
    const sizeBytes = file.sizeBytes()
    await file.append([row]).catch((error: unknown) => {
      this.#doubted = sizeBytes
      throw error
    })
  }

  /** Without it the next writer has more to read again, and finds its rows in the file. */
  #tryToKeepNote(): void {
    try {
      this.#keepNote()
    } catch (error) {
      const code = error instanceof Failure ? error.code : 'internal'
      const message = error instanceof Error ? error.message : String(error)
      this.#ports.report({ signal: 'store.stalled', store: this.#sink.name, code, message })
    }
  }

  #keepNote(): void {
    const { file, log } = this.#ports
    const oldest = new Map(this.#reached)
    for (const { began } of this.#open.values()) {
      const at = oldest.get(began.partition)
      if (at === undefined || began.next < at.next) oldest.set(began.partition, began)
    }
    for (const [run, at] of this.#written) {
      if (at !== undefined && at.next <= (oldest.get(at.partition)?.next ?? 0)) this.#written.delete(run)
    }
    const note: Note = {
      path: file.path,
      logId: log.id,
      sizeBytes: file.sizeBytes(),
      from: [...oldest.values()],
      written: [...this.#written.keys()],
    }
    file.keep(`${JSON.stringify(note)}\n`)
    this.#unnoted = 0
  }

  contentHash(): never {
    throw new Error('a sink has no content of its own')
  }

  async close(): Promise<void> {
    await this.#turn
    this.#tryToKeepNote()
  }
}

function startAt(partition: number, next: number): StoredCheckpoint {
  return { topic: 'runs.v1', partition, next, lastId: '' }
}

/** Undefined where it is of another file or log, or none. */
function noteOf(file: RowFile, logId: string): Note | undefined {
  try {
    const note = JSON.parse(file.note() ?? 'null') as Note | null
    return note !== null && note.path === file.path && note.logId === logId ? note : undefined
  } catch {
    return undefined
  }
}
