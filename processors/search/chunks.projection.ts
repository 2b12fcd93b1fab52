import { chunkText } from '#processors/documents/chunk.ts'
import type { Tables } from '#processors/ports/table-store.ts'
import type { Projection } from '#processors/stores/projection.ts'
import { corpusTerm } from './corpus-term.ts'

/**
 * The documents of every corpus as they stand, their passages, and a BM25 index over them.
 *
 * Promise: a document's newest content replaces the one before; its passages follow from its content alone. The index
 * and its row numbers are a cache of the passages, and are not part of the store's content hash.
 */
export const chunksProjection: Projection = {
  name: 'chunks',
  tables: [
    `CREATE TABLE IF NOT EXISTS documents (
       document TEXT PRIMARY KEY, corpus TEXT NOT NULL, path TEXT NOT NULL, title TEXT, media_type TEXT NOT NULL,
       content_hash TEXT NOT NULL, size_bytes INTEGER NOT NULL, passages INTEGER NOT NULL, ingested_at TEXT NOT NULL) WITHOUT ROWID`,
    `CREATE INDEX IF NOT EXISTS documents_of_corpus ON documents (corpus, path)`,
    `CREATE TABLE IF NOT EXISTS chunks (
       document TEXT NOT NULL, ordinal INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
       PRIMARY KEY (document, ordinal)) WITHOUT ROWID`,
    `CREATE TABLE IF NOT EXISTS chunks_fts_rows (id INTEGER PRIMARY KEY, document TEXT NOT NULL, ordinal INTEGER NOT NULL)`,
    `CREATE INDEX IF NOT EXISTS chunks_fts_rows_of_document ON chunks_fts_rows (document)`,
    `CREATE VIRTUAL TABLE IF NOT EXISTS chunks_fts USING fts5(
       corpus, heading, text, tokenize = 'porter unicode61 remove_diacritics 2')`,
  ],
  on: {
    'document.ingested'({ data, envelope }, tables) {
      const document = envelope.subject
      forget(document, tables)
      const passages = chunkText(typeof data.content === 'string' ? data.content : '')
      tables.run(
        'INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        document,
        data.corpus,
        data.path,
        data.title,
        data.mediaType,
        data.contentHash,
        data.sizeBytes,
        passages.length,
        envelope.time,
      )
      for (const { ordinal, heading, text } of passages) {
        tables.run('INSERT INTO chunks VALUES (?, ?, ?, ?)', document, ordinal, heading, text)
        tables.run('INSERT INTO chunks_fts_rows (document, ordinal) VALUES (?, ?)', document, ordinal)
        tables.run(
          'INSERT INTO chunks_fts (rowid, corpus, heading, text) VALUES (last_insert_rowid(), ?, ?, ?)',
          corpusTerm(data.corpus),
          `${data.title ?? ''} ${heading}`,
          text,
        )
      }
    },
    'document.removed'({ envelope }, tables) {
      forget(envelope.subject, tables)
    },
  },
}

function forget(document: string, tables: Tables): void {
  for (const { id } of tables.all<{ id: number }>('SELECT id FROM chunks_fts_rows WHERE document = ?', document)) {
    tables.run('DELETE FROM chunks_fts WHERE rowid = ?', id)
  }
  tables.run('DELETE FROM chunks_fts_rows WHERE document = ?', document)
  tables.run('DELETE FROM chunks WHERE document = ?', document)
  tables.run('DELETE FROM documents WHERE document = ?', document)
}
