/**
 * Reads an export file to its end, for an import: whether it is whole, and what has to change on the way.
 *
 * Promise: needs no log and writes nothing. Errors: `request.invalid` when there is no such file, `log.damaged`,
 * `log.newer`, `record.too-large`.
 */
import { createHash } from 'node:crypto'
import type { NewRecord } from '#processors/ports/event-log.ts'
import { recordLimits } from '#processors/ports/event-log.ts'
import { sizeOf } from '#processors/ports/record-size.ts'
import { Failure } from '#processors/ports/failure.ts'
import { topicNames } from '#schemas/topics.ts'
import type { ExportHead, ExportTail, RecordEntry } from './export-entries.ts'
import { MovedLetters } from './moved-letters.ts'
import { readExport } from './read-export.ts'
import { SchemaTranslation } from './schema-translation.ts'

export interface CheckedExport {
  readonly file: string
  readonly head: ExportHead
  readonly tail: ExportTail
  readonly translation: SchemaTranslation
  readonly letters: MovedLetters
}

export async function checkExport(given: { file: string; signal?: AbortSignal }): Promise<CheckedExport> {
  const { file, signal } = given
  const translation = new SchemaTranslation()
  const letters = new MovedLetters()
  let whole: { head?: ExportHead; tail?: ExportTail } = {}
  for await (const { head, entries, tail } of readExport(file, signal)) {
    whole = { ...whole, ...(head && { head }), ...(tail && { tail }) }
    if (head !== undefined) checkTopics(file, head)
    for (const entry of entries) {
      if (entry.kind === 'schema') translation.learn(entry.id, entry.schema)
      if (entry.kind !== 'record') continue
      checkRecord(file, entry)
      translation.meet(entry)
      letters.meet(entry)
    }
  }
  return { file, translation, letters, ...(whole as { head: ExportHead; tail: ExportTail }) }
}

function checkTopics(file: string, { topics }: ExportHead): void {
  const unknown = Object.keys(topics).filter((topic) => !(topicNames as string[]).includes(topic))
  if (unknown.length === 0) return
  throw new Failure('log.newer', `${file} has topics this version does not know: ${unknown.join(', ')}`, {
    remedy: 'Install the newer version of Lattice.',
  })
}

function checkRecord(file: string, entry: RecordEntry): void {
  if (sizeOf(appendable(entry)) <= recordLimits.bytes) return
  const { topic, partition, offset } = entry
  throw new Failure('record.too-large', `${file}: the record at ${topic}:${partition}:${offset} is too large for a log`)
}

const noKey = 'no-key'

/** A foreign record may have a key that no log of ours takes; its stand-in is the same for the same key. */
export function appendable({ key, headers, value }: RecordEntry): NewRecord {
  const keyBytes = Buffer.byteLength(key)
  if (keyBytes > 0 && keyBytes <= 512) return { key, headers, value }
  return { key: keyBytes === 0 ? noKey : createHash('sha256').update(key).digest('hex'), headers, value }
}
