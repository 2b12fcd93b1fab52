import { basename, extname } from 'node:path/posix'
import type { Journal } from '#processors/journal/journal.ts'
import { partitionOf } from '#processors/ports/event-log.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import { NotReached, positionOf } from '#processors/stores/reach-position.query.ts'
import type { ReadableStore } from '#processors/stores/read-store.ts'
import { nameId, sha256 } from '#schemas/ids.ts'
import type { Position } from '#schemas/position.ts'
import { titleOf } from './read-folder.ts'

/**
 * Brings one document onto the log; a document of the same corpus and path before it is replaced.
 *
 * Promise: idempotent. What the search store already has just so is not written again; its position is then one at which
 * it is there.
 */
export interface DocumentRequest {
  readonly corpus: string
  /** Relative, '/'-separated. */
  readonly path: string
  readonly content: string
  readonly mediaType?: string
  readonly title?: string
}

export interface IngestedDocument {
  readonly document: string
  readonly contentHash: string
  readonly position: Position
  /** It was there already. */
  readonly unchanged: boolean
}

const catchUpMs = 10_000

export async function ingestDocument(
  ports: { readonly journal: Journal; readonly log: EventLog; readonly store: ReadableStore<TableStore> },
  request: DocumentRequest,
): Promise<IngestedDocument> {
  const { corpus } = request
  const path = checkedPath(request.path)
  const content = request.content.replace(/^\uFEFF/, '')
  if (content.trim() === '') throw new Failure('request.invalid', 'content is empty')
  const document = nameId('document', corpus, path)
  const now = {
    title: request.title ?? titleOf(content) ?? basename(path),
    mediaType: request.mediaType ?? (extname(path).toLowerCase() === '.md' ? 'text/markdown' : 'text/plain'),
    contentHash: sha256(content),
  }
  const end = await caughtUp(ports, document)
  const known = await ports.store.query((tables) => knownDocument(tables, document))
  if (end !== undefined && known !== undefined && same(known, now)) {
    return { document, contentHash: now.contentHash, position: end, unchanged: true }
  }
  const { positions } = await ports.journal.write([
    {
      type: 'document.ingested',
      subject: document,
      data: { corpus, path, ...now, content, sizeBytes: Buffer.byteLength(content) },
    },
  ])
  const [position] = positions
  if (position === undefined) throw new Failure('internal', 'the document got no position')
  return { document, contentHash: now.contentHash, position, unchanged: false }
}

interface Known {
  readonly title: string | null
  readonly mediaType: string
  readonly contentHash: string
}

function knownDocument(tables: TableStore, document: string): Known | undefined {
  return tables.get<Known>(
    'SELECT title, media_type AS mediaType, content_hash AS contentHash FROM documents WHERE document = ?',
    document,
  )
}

function same(one: Known, other: Known): boolean {
  return one.contentHash === other.contentHash && one.title === other.title && one.mediaType === other.mediaType
}

/** Waits for the store to have all of the document's partition; its last position, undefined where it has none. */
async function caughtUp(
  { log, store }: { readonly log: EventLog; readonly store: ReadableStore<TableStore> },
  document: string,
): Promise<Position | undefined> {
  const topic = 'documents.v1'
  const partition = partitionOf(document, log.partitions(topic))
  const bounds = (await log.bounds(topic)).find((one) => one.partition === partition)
  if (bounds === undefined || bounds.next === 0) return undefined
  const end = { topic, partition, offset: bounds.next - 1 }
  if (await store.reached([end], catchUpMs)) return end
  throw new NotReached(positionOf({ store, log, topics: [topic] }))
}

function checkedPath(path: string): string {
  const parts = path.split('/')
  if (/[\p{Cc}\\]/u.test(path) || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new Failure('request.invalid', 'path is not a relative path', { remedy: "name it like 'guide/start.md'" })
  }
  return path
}
