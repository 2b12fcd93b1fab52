import type { Tables } from '#processors/ports/table-store.ts'

/** Dead letters as operators read them. */
export interface LetterView {
  readonly letter: string
  readonly parkedBy: string
  readonly version: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly recordId: string | null
  readonly recordType: string | null
  readonly code: string
  readonly message: string
  readonly state: 'parked' | 'resubmitted' | 'discarded'
  readonly parkedAt: string
  readonly settledAt: string | null
}

export interface LetterDetail extends LetterView {
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  /** The record's value, its first 64 KiB, base64. */
  readonly value: string
}

const columns = `letter, parked_by AS parkedBy, version, topic, partition, log_offset AS "offset", record_id AS recordId,
  record_type AS recordType, code, message, state, parked_at AS parkedAt, settled_at AS settledAt`

export function listLetters(tables: Tables, query: { state?: string; limit: number; after?: string }): LetterView[] {
  return tables.all(
    `SELECT ${columns} FROM letters WHERE (?1 IS NULL OR state = ?1) AND letter > ?2 ORDER BY letter LIMIT ?3`,
    query.state ?? null,
    query.after ?? '',
    query.limit,
  )
}

export function getLetter(tables: Tables, letter: string): LetterDetail | undefined {
  const row = tables.get<LetterView & { key: string; headers: string; value: Uint8Array }>(
    `SELECT ${columns}, record_key AS key, headers, value FROM letters WHERE letter = ?`,
    letter,
  )
  if (row === undefined) return undefined
  const headers = JSON.parse(row.headers) as Record<string, string>
  return { ...row, headers, value: Buffer.from(row.value).toString('base64') }
}
