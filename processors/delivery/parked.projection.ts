import type { Projection } from '#processors/stores/projection.ts'

/**
 * Dead letters: what was parked, by whom, and what became of it. Keyed by letter: the same record parked twice is one.
 * Of two who settle one at once, resubmitting counts: the record is on the log again then, whatever else was said.
 */
export const parkedProjection: Projection = {
  name: 'parked',
  tables: [
    `CREATE TABLE IF NOT EXISTS letters (
       letter TEXT PRIMARY KEY, parked_by TEXT NOT NULL, version INTEGER NOT NULL, topic TEXT NOT NULL,
       partition INTEGER NOT NULL, log_offset INTEGER NOT NULL, record_id TEXT, record_type TEXT, code TEXT NOT NULL,
       message TEXT NOT NULL, record_key TEXT NOT NULL, headers TEXT NOT NULL, value BLOB NOT NULL,
       parked_at TEXT NOT NULL, state TEXT NOT NULL, settled_at TEXT, settled_as TEXT) WITHOUT ROWID`,
  ],
  on: {
    'record.parked'({ data, envelope }, tables) {
      tables.run(
        `INSERT OR IGNORE INTO letters (letter, parked_by, version, topic, partition, log_offset, record_id, record_type, code,
           message, record_key, headers, value, parked_at, state)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'parked')`,
        envelope.id,
        data.by,
        data.version,
        data.topic,
        data.partition,
        data.offset,
        data.recordId,
        data.recordType,
        data.code,
        data.message,
        data.key,
        JSON.stringify(data.headers),
        data.value,
        envelope.time,
      )
    },
    'letter.resubmitted'({ data, envelope }, tables) {
      tables.run(
        `UPDATE letters SET state = 'resubmitted', settled_at = ?, settled_as = ?
         WHERE letter = ? AND state <> 'resubmitted'`,
        envelope.time,
        data.as,
        data.letter,
      )
    },
    'letter.discarded'({ data, envelope }, tables) {
      tables.run(
        `UPDATE letters SET state = 'discarded', settled_at = ?, settled_as = ?
         WHERE letter = ? AND state = 'parked'`,
        envelope.time,
        data.reason,
        data.letter,
      )
    },
  },
}
