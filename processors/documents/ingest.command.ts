import type { Journal } from '#processors/journal/journal.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Tables } from '#processors/ports/table-store.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { nameId } from '#schemas/ids.ts'
import type { Position } from '#schemas/position.ts'
import { corpusOf, readFolder } from './read-folder.ts'

/**
 * Brings a folder's documents onto the log: what is new or changed is ingested, what is gone is removed.
 *
 * Promise: idempotent. A document whose content the search store already has is not written again; the store must have
 * folded `documents.v1` to its end for that.
 */
export interface Ingested {
  readonly corpus: string
  readonly ingested: number
  readonly removed: number
  readonly unchanged: number
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
  /** Matching files beyond the maximum, not ingested. */
  readonly left: number
  /** Empty when nothing was written. */
  readonly positions: readonly Position[]
}

export async function ingestFolder(
  ports: { journal: Journal; report: Report },
  given: { folder: string; max: number; known: KnownDocuments },
): Promise<Ingested> {
  const corpus = await corpusOf(given.folder)
  const { documents, skipped, left } = await readFolder(given.folder, { max: given.max })
  const known = await given.known(corpus)
  const events: AnyNewEvent[] = []
  for (const document of documents) {
    if (known.get(document.path) === document.contentHash) continue
    events.push({
      type: 'document.ingested',
      subject: nameId('document', corpus, document.path),
      data: { corpus, ...document },
    })
  }
  const present = new Set([...documents.map(({ path }) => path), ...skipped.map(({ path }) => path)])
  const gone = left > 0 ? [] : [...known.keys()].filter((path) => !present.has(path))
  for (const path of gone) {
    events.push({ type: 'document.removed', subject: nameId('document', corpus, path), data: { corpus, path } })
  }
  const positions: Position[] = []
  for (const [index, event] of events.entries()) {
    positions.push(...(await ports.journal.write([event])).positions)
    ports.report({ signal: 'progress', of: 'ingest', done: index + 1, total: events.length, unit: 'documents' })
  }
  return {
    corpus,
    ingested: events.length - gone.length,
    removed: gone.length,
    unchanged: documents.length - (events.length - gone.length),
    skipped,
    left,
    positions,
  }
}

/** Content hash by path, of the documents a corpus has now. */
export type KnownDocuments = (corpus: string) => Promise<ReadonlyMap<string, string>>

export function knownDocuments(tables: Tables, corpus: string): Map<string, string> {
  const rows = tables.all<{ path: string; content_hash: string }>(
    'SELECT path, content_hash FROM documents WHERE corpus = ?',
    corpus,
  )
  return new Map(rows.map((row) => [row.path, row.content_hash]))
}
