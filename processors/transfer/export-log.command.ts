/**
 * Writes a whole log, with the schemas and objects its events need, into one portable file.
 *
 * Promise: the file holds every record that was in the log when the export began, the order of each partition kept, and
 * says what it holds; it can be imported into a log of any backend and partition count without the source, its registry
 * or its objects. Nothing is written to the log.
 */
import { decodeRecords } from '#processors/journal/read.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { EventLog, PartitionBounds, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { Objects } from '#processors/ports/objects.ts'
import type { Report } from '#processors/ports/report.ts'
import type { SchemaIds } from '#processors/ports/schema-ids.ts'
import { type Topic, topicNames } from '#schemas/topics.ts'
import { hasClaimable, mapClaimable } from '#schemas/wire/claimable.ts'
import { type Codec, schemaIdIn } from '#schemas/wire/codec.ts'
import type { ExportEntry } from './export-entries.ts'
import { type PartitionRecord, inTimeOrder } from './time-order.ts'
import { writeExport } from './write-export.ts'

export interface ExportPorts {
  readonly log: EventLog
  /** Of this log: what the ids in its values mean. */
  readonly schemaIds: SchemaIds
  readonly codec: Codec
  readonly objects: Objects
  readonly clock: Clock
  readonly report: Report
}

export interface Exported {
  readonly file: string
  readonly sizeBytes: number
  readonly records: number
  readonly objects: number
  /** Referred to, not there, and not erased on purpose. The export is a true copy of a log that lacks them. */
  readonly missingObjects: readonly string[]
  readonly topics: Readonly<Record<string, readonly PartitionBounds[]>>
}

/** Errors: `request.invalid` when the file is there or cannot be written, `log.full`, and those of reading a log. */
export async function exportLog(ports: ExportPorts, given: { file: string; signal?: AbortSignal }): Promise<Exported> {
  const { log, clock, report } = ports
  const topics: Record<string, readonly PartitionBounds[]> = {}
  for (const topic of exportOrder()) topics[topic] = await log.bounds(topic)
  const total = Object.values(topics).reduce((sum, bounds) => sum + countOf(bounds), 0)
  const exporting = new Exporting(ports)

  async function* entries(): AsyncGenerator<readonly ExportEntry[]> {
    let done = 0
    for (const topic of exportOrder()) {
      for await (const records of inTimeOrder(readsOf(log, topic, topics[topic] ?? [], given.signal))) {
        yield* exporting.entriesOf(topic, records)
        done += records.length
        report({ signal: 'progress', of: 'export', done, total, unit: 'records' })
      }
    }
    // An abort ends reads quietly.
    given.signal?.throwIfAborted()
    if (done !== total) throw new Failure('log.gap', `${total} records were to be read, and ${done} came`)
  }

  const head = { logId: log.id, backend: log.backend, exportedAt: new Date(clock.now()).toISOString(), topics }
  const missingObjects = (): readonly string[] => exporting.missingObjects()
  const { tail, sizeBytes } = await writeExport(given.file, { head, entries: entries(), missingObjects }, given.signal)
  const { records, objects } = tail
  return { file: given.file, sizeBytes, records, objects, missingObjects: tail.missingObjects, topics }
}

/** Dead letters last: they name places of records that an import has put elsewhere by then. */
function exportOrder(): readonly Topic[] {
  return [...topicNames.filter((topic) => topic !== 'dead-letters.v1'), 'dead-letters.v1']
}

function readsOf(log: EventLog, topic: Topic, bounds: readonly PartitionBounds[], signal: AbortSignal | undefined) {
  return bounds.map(({ partition, first, next }) => ({
    partition,
    records: untilOffset(
      log.read({ topic, partition, offset: first }, { patienceMs: 30_000, ...(signal && { signal }) }),
      first < next ? next : undefined,
    ),
  }))
}

async function* untilOffset(
  batches: AsyncIterable<readonly StoredRecord[]>,
  end: number | undefined,
): AsyncGenerator<readonly StoredRecord[]> {
  if (end === undefined) return
  for await (const batch of batches) {
    yield batch.filter(({ offset }) => offset < end)
    if ((batch.at(-1)?.offset ?? -1) >= end - 1) return
  }
}

function countOf(bounds: readonly PartitionBounds[]): number {
  return bounds.reduce((sum, { first, next }) => sum + next - first, 0)
}

/** What has been written so far, so that schemas and objects are written once. */
class Exporting {
  readonly #ports: ExportPorts
  readonly #schemas = new Set<number>()
  readonly #objects = new Set<string>()
  readonly #missing = new Set<string>()
  readonly #erased = new Set<string>()

  constructor(ports: ExportPorts) {
    this.#ports = ports
  }

  missingObjects(): readonly string[] {
    return [...this.#missing].filter((sha256) => !this.#erased.has(sha256)).sort()
  }

  async *entriesOf(topic: Topic, records: readonly PartitionRecord[]): AsyncGenerator<readonly ExportEntry[]> {
    let entries: ExportEntry[] = []
    const references = await this.#references(topic, records)
    for (const { partition, record } of records) {
      const id = schemaIdIn(record.value)
      if (id !== undefined && !this.#schemas.has(id)) entries.push(...(await this.#schema(id)))
      for (const sha256 of references.get(record) ?? []) {
        const object = await this.#object(sha256)
        if (object === undefined) continue
        // At once, as a thousand records may refer to more than memory holds.
        yield [...entries, object]
        entries = []
      }
      const { offset, key, headers, value } = record
      entries.push({ kind: 'record', topic, partition, offset, key, headers, value })
    }
    yield entries
  }

  /** Nothing where nobody knows the schema: its values then go as they are. */
  async #schema(id: number): Promise<readonly ExportEntry[]> {
    this.#schemas.add(id)
    const schema = await this.#ports.schemaIds.schemaOf(id)
    return schema === undefined ? [] : [{ kind: 'schema', id, schema }]
  }

  async #object(sha256: string): Promise<ExportEntry | undefined> {
    if (this.#objects.has(sha256) || this.#missing.has(sha256)) return undefined
    try {
      const bytes = await this.#ports.objects.get(sha256)
      this.#objects.add(sha256)
      return { kind: 'object', sha256, bytes }
    } catch (error) {
      if (!isFailure(error, 'object.missing')) throw error
      this.#missing.add(sha256)
      return undefined
    }
  }

  /** The objects each record refers to. Records that are no events refer to none. */
  async #references(topic: Topic, records: readonly PartitionRecord[]): Promise<Map<StoredRecord, readonly string[]>> {
    const found = new Map<StoredRecord, readonly string[]>()
    const decoded = await decodeRecords(
      this.#ports.codec,
      records.map(({ record }) => record),
      { topic, partition: 0, wants: (type) => type === 'object.erased' || hasClaimable(type) },
    )
    for (const event of decoded) {
      if ('bad' in event) continue
      if (event.type === 'object.erased') this.#erased.add(event.data.sha256)
      else found.set(event.record, referencesIn(event))
    }
    return found
  }
}

function referencesIn({ type, data }: { type: Parameters<typeof mapClaimable>[0]; data: object }): readonly string[] {
  const names: string[] = []
  mapClaimable(type, data as Parameters<typeof mapClaimable>[1], (value) => {
    if (typeof value !== 'string') names.push(value.sha256)
    return value
  })
  return names
}
