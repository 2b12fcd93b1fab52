/**
 * What an export file holds, in the order it stands there, and how it is spelt.
 *
 *     file    := zstd of: head entry* tail
 *     head    := {"format":"lattice-export","version":1,"logId","backend","exportedAt","topics"} LF
 *     entry   := schema | object | record
 *     schema  := {"schema":id,"text":Avro schema} LF            before the first value that names this id
 *     object  := {"object":sha256,"bytes":n} LF n bytes LF      before the first record that refers to it
 *     record  := {"record":topic,"partition":p,"key","headers","bytes":n} LF n bytes LF
 *     tail    := {"end":true,"records","objects","missingObjects","sha256"} LF    SHA-256 of all bytes before it
 *
 * Promise: records of a partition stand in their order, all of them from the bounds in the head; `zstd -dc` and a JSON
 * parser are enough to read it.
 */
import type { PartitionBounds, RecordHeaders } from '#processors/ports/event-log.ts'

export const exportFormat = 'lattice-export'
/** Raise it with any change an older program would misread. */
export const exportVersion = 1

export interface ExportHead {
  readonly logId: string
  readonly backend: string
  /** ISO 8601, UTC. */
  readonly exportedAt: string
  /** What is in the file of each topic: records from `first` up to, without, `next`. */
  readonly topics: Readonly<Record<string, readonly PartitionBounds[]>>
}

export type ExportEntry = SchemaEntry | ObjectEntry | RecordEntry

export interface SchemaEntry {
  readonly kind: 'schema'
  /** As values of this file carry it. */
  readonly id: number
  readonly schema: string
}

export interface ObjectEntry {
  readonly kind: 'object'
  readonly sha256: string
  readonly bytes: Uint8Array
}

export interface RecordEntry {
  readonly kind: 'record'
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly headers: RecordHeaders
  readonly value: Uint8Array
}

export interface ExportTail {
  readonly records: number
  readonly objects: number
  /** Objects that events refer to and the source had no more. */
  readonly missingObjects: readonly string[]
  readonly sha256: string
}
