import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { SqlOptions, SqlRows, SqlSandbox } from '#processors/ports/sql-sandbox.ts'
import type { ReadableStore } from '#processors/stores/read-store.ts'
import type { Position } from '#schemas/position.ts'
import type { WarehouseReads } from './event-tables.ts'

/**
 * Anybody's SELECT over the warehouse: in a sandbox, on a snapshot that nobody writes to.
 *
 * Promise: an answer is of one moment, told by its checkpoints, and never of one before `from`. A snapshot is reused
 * while the warehouse has not moved, and where it moves all the time for `reuseFactor` × as long as making one takes, so
 * that questions cost the warehouse a tenth of its time at most.
 */
export interface SqlQueries {
  /** Errors: those of `SqlSandbox.run`, of the warehouse, `store.stalled` (no room for a snapshot). */
  ask(sql: string, options: AskOptions): Promise<SqlAnswer>
  close(): Promise<void>
}

export interface AskOptions extends SqlOptions {
  /** Answer no earlier than these; the warehouse has to be there. */
  readonly from?: readonly Position[]
}

export interface SqlAnswer extends SqlRows {
  readonly checkpoints: readonly StoredCheckpoint[]
}

interface Snapshot {
  readonly path: string
  readonly checkpoints: readonly StoredCheckpoint[]
  /** On the clock's monotonic scale. */
  readonly madeAt: number
  readonly tookMs: number
  readers: number
}

const reuseFactor = 10

export function openSql(given: {
  readonly warehouse: () => ReadableStore<WarehouseReads>
  readonly openSandbox: () => Promise<SqlSandbox>
  /** A folder of this process alone; made when it is first asked for. */
  readonly scratch: () => string
  /** The partitions the warehouse folds. */
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
  readonly clock: Clock
}): SqlQueries {
  const { clock, partitions } = given
  let sandbox: Promise<SqlSandbox> | undefined
  let latest: Snapshot | undefined
  let making: Promise<Snapshot> | undefined
  let made = 0

  /** Counted as read from before it is returned, so that nobody removes it. */
  async function take(from: readonly Position[]): Promise<Snapshot> {
    for (;;) {
      if (latest !== undefined && covers(latest, from) && isFresh(latest)) return taken(latest)
      const begun = making !== undefined
      const snapshot = await (making ??= make().finally(() => (making = undefined)))
      // One that was begun before the question may be of a moment before `from`.
      if (!begun || covers(snapshot, from)) return taken(snapshot)
    }
  }

  async function make(): Promise<Snapshot> {
    const path = join(given.scratch(), `warehouse-${(made += 1)}.duckdb`)
    const began = clock.monotonic()
    try {
      const checkpoints = await given.warehouse().query((columns) => columns.snapshot(path))
      const before = latest
      latest = { path, checkpoints, madeAt: clock.monotonic(), tookMs: clock.monotonic() - began, readers: 0 }
      if (before?.readers === 0) rmSync(before.path, { force: true })
      return latest
    } catch (error) {
      rmSync(path, { force: true })
      throw error
    }
  }

  function isFresh({ checkpoints, madeAt, tookMs }: Snapshot): boolean {
    if (clock.monotonic() - madeAt < tookMs * reuseFactor) return true
    const warehouse = given.warehouse()
    const known = new Map(checkpoints.map((at) => [`${at.topic}:${at.partition}`, at.next]))
    return partitions.every(
      (at) => (known.get(`${at.topic}:${at.partition}`) ?? 0) === warehouse.next(at.topic, at.partition),
    )
  }

  return {
    async ask(sql, { from = [], ...options }) {
      const snapshot = await take(from)
      try {
        const { run } = await (sandbox ??= given.openSandbox())
        return { ...(await run(snapshot.path, sql, options)), checkpoints: snapshot.checkpoints }
      } finally {
        snapshot.readers -= 1
        if (snapshot !== latest && snapshot.readers === 0) rmSync(snapshot.path, { force: true })
      }
    },
    async close() {
      const opened = await sandbox?.catch(() => undefined)
      await opened?.close()
      await making?.catch(() => undefined)
      if (latest !== undefined) rmSync(latest.path, { force: true })
    },
  }
}

function taken(snapshot: Snapshot): Snapshot {
  snapshot.readers += 1
  return snapshot
}

function covers({ checkpoints }: Snapshot, positions: readonly Position[]): boolean {
  return positions.every(({ topic, partition, offset }) =>
    checkpoints.some((at) => at.topic === topic && at.partition === partition && at.next > offset),
  )
}
