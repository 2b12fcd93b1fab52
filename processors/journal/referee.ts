import { chainOf } from '#schemas/wire/headers.ts'
import type { Link } from '#schemas/event.ts'
import type { StoredRecord } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { TableStore } from '#processors/ports/table-store.ts'

/**
 * Which event of a run counts: first in log order wins (R1).
 *
 * Promise (`run.single`): acceptance depends on the log's prefix alone, so it can't be retracted, and every reader
 * that folds the same records gets the same answer. Works on headers only. State is a store of its own, written
 * behind: what has not been flushed is judged again, the same way, after a crash.
 */
export interface Referee {
  /** Offset of the next record to judge. */
  next(partition: number): number
  /** `ce_id` of the last record judged; '' when there is none. */
  lastId(partition: number): string
  /** Judges the record at `next(partition)` and goes on to the one after it. A run's records carry its id as their key. */
  judge(partition: number, record: Omit<StoredRecord, 'value'>): boolean
  chain(run: string): Chain | undefined
  isRejected(partition: number, offset: number): boolean
  /** How many records were judged since the last flush. */
  unwritten(): number
  /** Writes what is new to the store, with its checkpoint. When it throws, all of it is kept for the next one. */
  flush(): void
  close(): void
}

export interface Chain {
  readonly seq: number
  readonly lastId: string
  readonly closed: boolean
  /** A control event asked for its end. */
  readonly cancelled: boolean
}

/** Whether a record extends its run's chain; a control event needs the run open and does not advance it. */
export function accepts(chain: Chain | undefined, type: string | undefined, link: Link): boolean {
  if (link.seq === 0) return chain === undefined && type === 'task.submitted'
  if (chain === undefined || chain.closed) return false
  if (isControl(type)) return true
  return link.seq === chain.seq + 1 && link.prev === chain.lastId
}

export function isControl(type: string | undefined): boolean {
  return type === 'task.cancelled'
}

export const refereeTables = [
  `CREATE TABLE IF NOT EXISTS chains (
     run TEXT PRIMARY KEY, seq INTEGER NOT NULL, last_id TEXT NOT NULL,
     closed INTEGER NOT NULL, cancelled INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS rejected (
     partition INTEGER NOT NULL, log_offset INTEGER NOT NULL, PRIMARY KEY (partition, log_offset)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS judged (
     partition INTEGER PRIMARY KEY, next INTEGER NOT NULL, last_id TEXT NOT NULL) WITHOUT ROWID`,
] as const

/**
 * `tables`: the store this process owns. Where another process owns it, a pinned read-only snapshot of it, and `pin` to
 * get a later one: what happened since is then kept in memory alone, and `flush` moves on to the later snapshot.
 */
export function createReferee(tables: TableStore, pin?: () => TableStore): Referee {
  const cursors = new Map<number, { next: number; lastId: string }>()
  for (const row of tables.all<{ partition: number; next: number; last_id: string }>('SELECT * FROM judged')) {
    cursors.set(row.partition, { next: row.next, lastId: row.last_id })
  }
  const rejected = new Set<string>()
  for (const row of tables.iterate<{ partition: number; log_offset: number }>('SELECT * FROM rejected')) {
    rejected.add(`${row.partition}:${row.log_offset}`)
  }
  const touched = new Map<string, Chain>()
  let newlyRejected: { partition: number; offset: number }[] = []
  let unwritten = 0

  const chain = (run: string): Chain | undefined => touched.get(run) ?? stored(run)

  function stored(run: string): Chain | undefined {
    const row = tables.get<{ seq: number; last_id: string; closed: number; cancelled: number }>(
      'SELECT seq, last_id, closed, cancelled FROM chains WHERE run = ?',
      run,
    )
    if (row === undefined) return undefined
    return { seq: row.seq, lastId: row.last_id, closed: row.closed === 1, cancelled: row.cancelled === 1 }
  }

  function flush(): void {
    if (unwritten === 0) return
    if (pin === undefined) write()
    else moveOn(pin)
  }

  /** A snapshot ahead of this process would know too much of what is still to be judged here. */
  function moveOn(take: () => TableStore): void {
    const later = snapshotOf(take)
    if (later === undefined) return
    const ahead = later
      .all<{ partition: number; next: number }>('SELECT partition, next FROM judged')
      .some((row) => row.next > (cursors.get(row.partition)?.next ?? 0))
    if (ahead) return later.close()
    tables.close()
    tables = later
    for (const [run, one] of touched) if (stored(run)?.lastId === one.lastId && !one.cancelled) touched.delete(run)
    unwritten = 0
  }

  function write(): void {
    tables.transaction(() => {
      for (const [run, one] of touched) {
        const flags = [one.closed ? 1 : 0, one.cancelled ? 1 : 0]
        tables.run('INSERT OR REPLACE INTO chains VALUES (?, ?, ?, ?, ?)', run, one.seq, one.lastId, ...flags)
      }
      for (const at of newlyRejected) {
        tables.run('INSERT OR IGNORE INTO rejected VALUES (?, ?)', at.partition, at.offset)
      }
      for (const [partition, cursor] of cursors) {
        tables.run('INSERT OR REPLACE INTO judged VALUES (?, ?, ?)', partition, cursor.next, cursor.lastId)
      }
    })
    touched.clear()
    newlyRejected = []
    unwritten = 0
  }

  return {
    next: (partition) => cursors.get(partition)?.next ?? 0,
    lastId: (partition) => cursors.get(partition)?.lastId ?? '',
    judge(partition, { offset, key, headers }) {
      const link = chainOf(headers)
      const known = link === undefined ? undefined : chain(link.run)
      const type = headers['ce_type']
      const id = headers['ce_id'] ?? ''
      const accepted = link !== undefined && link.run === key && id !== '' && accepts(known, type, link)
      if (accepted && known !== undefined && isControl(type)) touched.set(link.run, { ...known, cancelled: true })
      if (accepted && !isControl(type)) {
        const cancelled = known?.cancelled ?? false
        touched.set(link.run, { seq: link.seq, lastId: id, closed: type === 'run.completed', cancelled })
      }
      if (!accepted) {
        rejected.add(`${partition}:${offset}`)
        newlyRejected.push({ partition, offset })
      }
      cursors.set(partition, { next: offset + 1, lastId: id })
      unwritten += 1
      return accepted
    },
    chain,
    isRejected: (partition, offset) => rejected.has(`${partition}:${offset}`),
    unwritten: () => unwritten,
    flush,
    close: () => tables.close(),
  }
}

/** Undefined while there is none to be had: the one before is good enough. */
function snapshotOf(pin: () => TableStore): TableStore | undefined {
  try {
    return pin()
  } catch (error) {
    if (isFailure(error)) return undefined
    throw error
  }
}
