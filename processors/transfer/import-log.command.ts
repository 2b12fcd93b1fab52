/**
 * Fills an empty log from an export file, whatever the backend and the partition count of either.
 *
 * Promise: nothing is appended before the whole file has been checked, every object is there and every schema has its id
 * in the target. Keys, headers and values stay as they were (`schema-translation.ts` and `moved-letters.ts` say what has
 * to change), so event ids and run chains hold; records of one key keep their order. An import that fails or is killed
 * leaves a log that is not empty, which a second import refuses, and a mark by which no process starts on it
 * (`unfinished-import.query.ts`).
 */
import type { EventLog, NewRecord } from '#processors/ports/event-log.ts'
import { recordLimits } from '#processors/ports/event-log.ts'
import { sizeOf } from '#processors/ports/record-size.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Objects } from '#processors/ports/objects.ts'
import type { Report } from '#processors/ports/report.ts'
import type { SchemaIds } from '#processors/ports/schema-ids.ts'
import type { Position } from '#schemas/position.ts'
import { type Topic, topicNames } from '#schemas/topics.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { appendable, checkExport } from './check-export.query.ts'
import type { CheckedExport } from './check-export.query.ts'
import type { ExportTail, RecordEntry } from './export-entries.ts'
import { readExport } from './read-export.ts'
import { markImport } from './unfinished-import.query.ts'

export interface ImportPorts {
  /** Empty. */
  readonly log: EventLog
  /** Of this log. */
  readonly schemaIds: SchemaIds
  readonly codec: Codec
  readonly objects: Objects
  readonly report: Report
}

export interface Imported {
  /** The log the export was made of. */
  readonly source: { readonly logId: string; readonly backend: string; readonly exportedAt: string }
  readonly records: number
  readonly objects: number
  readonly missingObjects: readonly string[]
  /** The last record of each partition. */
  readonly positions: readonly Position[]
}

export interface ImportGiven {
  readonly file: string
  readonly signal?: AbortSignal
  /** What `checkExport` said of the file; it is checked here where nobody has. */
  readonly checked?: CheckedExport
  /** LATTICE_DATA, to be marked for as long as the log is not whole. */
  readonly data?: string
}

/** Errors: `request.invalid` (the log is not empty, or is written to meanwhile), `log.damaged`, `log.newer`, those of appending. */
export async function importLog(ports: ImportPorts, given: ImportGiven): Promise<Imported> {
  await checkEmpty(ports.log)
  const checked = given.checked ?? (await checkExport(given))
  const { head, tail, translation, letters } = checked
  await translation.agree(ports.schemaIds)

  const mark =
    given.data === undefined ? undefined : await markImport(given.data, { logId: ports.log.id, file: given.file })
  const asAppended = (entry: RecordEntry) =>
    letters.follow({ ...entry, value: translation.translate(entry) }, ports.codec)
  const appending = new Appending(ports.log, { asAppended, moved: (from, to) => letters.moved(from, to) })
  const progress = { of: 'import', total: tail.records, unit: 'records' } as const
  for await (const { entries } of readExport(given.file, given.signal)) {
    for (const entry of entries) {
      if (entry.kind === 'object') await ports.objects.put(entry.bytes)
      if (entry.kind === 'record') await appending.add(entry)
    }
    ports.report({ signal: 'progress', ...progress, done: appending.appended })
  }
  await appending.flush()
  ports.report({ signal: 'progress', ...progress, done: appending.appended })
  await mark?.finished()
  const { logId, backend, exportedAt } = head
  return { source: { logId, backend, exportedAt }, ...countsOf(tail), positions: appending.last() }
}

async function checkEmpty(log: EventLog): Promise<void> {
  for (const topic of topicNames) {
    if ((await log.bounds(topic)).every(({ next }) => next === 0)) continue
    throw new Failure('request.invalid', `the ${log.backend} log ${log.id} is not empty: ${topic} has records`, {
      remedy: 'Import into a new log: another LATTICE_DATA folder, or another LATTICE_LOG_NAMESPACE.',
    })
  }
}

interface Placing {
  /** A record as it is to be appended; asked once all records before it that it may name have their place. */
  readonly asAppended: (entry: RecordEntry) => RecordEntry
  readonly moved: (from: RecordEntry, to: Position) => void
}

/** Appends in the file's order, as many records at a time as a call takes. */
class Appending {
  readonly #log: EventLog
  readonly #placing: Placing
  readonly #next = new Map<string, Position>()
  #topic: Topic | undefined
  #records: NewRecord[] = []
  #sources: RecordEntry[] = []
  #bytes = 0
  appended = 0

  constructor(log: EventLog, placing: Placing) {
    this.#log = log
    this.#placing = placing
  }

  async add(entry: RecordEntry): Promise<void> {
    // A letter's key is the place of the record it is about, which may be in its own topic.
    if (entry.topic !== this.#topic || entry.key.startsWith(`${entry.topic}:`)) await this.flush()
    const record = appendable(this.#placing.asAppended(entry))
    const sizeBytes = sizeOf(record)
    if (this.#records.length >= recordLimits.records || this.#bytes + sizeBytes > recordLimits.bytes) await this.flush()
    this.#topic = entry.topic as Topic
    this.#records.push(record)
    this.#sources.push(entry)
    this.#bytes += sizeBytes
  }

  async flush(): Promise<void> {
    if (this.#topic === undefined || this.#records.length === 0) return
    const positions = await this.#log.append(this.#topic, this.#records)
    positions.forEach((at, index) => {
      const place = `${at.topic}:${at.partition}`
      const before = this.#next.get(place)?.offset ?? -1
      if (at.offset !== before + 1) throw this.#disturbed(place)
      this.#next.set(place, at)
      this.#placing.moved(this.#sources[index] as RecordEntry, at)
    })
    this.appended += positions.length
    this.#records = []
    this.#sources = []
    this.#bytes = 0
  }

  last(): readonly Position[] {
    return [...this.#next.values()]
  }

  #disturbed(place: string): Failure {
    return new Failure('request.invalid', `somebody else writes to ${place} of the ${this.#log.backend} log`, {
      remedy: 'Stop every process on that log and import into a new one: this one holds a mixture now.',
    })
  }
}

function countsOf({ records, objects, missingObjects }: ExportTail) {
  return { records, objects, missingObjects }
}
