/** A process's live view of the runs: every record once, in order, with the referee's word. */
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { openSqliteTableStore } from '#infra/sqlite/sqlite-table-store.ts'
import { createReferee, refereeTables } from '#processors/journal/referee.ts'
import { type Judged, openRunFeed } from '#processors/journal/run-feed.ts'
import type { EventLog, NewRecord, ReadOptions, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Signal } from '#processors/ports/report.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import type { Position } from '#schemas/position.ts'
import { eventually } from '#test/contracts/eventually.ts'

const topic = 'runs.v1'
const at = (offset: number): Position => ({ topic, partition: 0, offset })

/** A log whose reader sees a record when the test lets it. */
function openLog() {
  const records: StoredRecord[] = []
  const reads: { from: Position; options: ReadOptions }[] = []
  let visible = 0
  let broken: Failure | undefined
  let wake = (): void => {}

  async function* read(from: Position, options: ReadOptions = {}): AsyncGenerator<readonly StoredRecord[]> {
    reads.push({ from, options })
    options.signal?.addEventListener('abort', () => wake())
    const end = options.follow === true ? Infinity : records.length
    let next = from.offset
    while (next < end && options.signal?.aborted !== true) {
      if (broken !== undefined) throw broken
      const to = options.follow === true ? visible : end
      if (to <= next) await new Promise<void>((resolve) => (wake = resolve))
      else yield records.slice(next, (next = to))
    }
  }

  const log: EventLog = {
    id: 'test',
    backend: 'test',
    durability: 'none',
    partitions: () => 1,
    append: (_topic, added) => Promise.resolve(write(added)),
    read,
    bounds: () => Promise.resolve([{ partition: 0, first: 0, next: records.length }]),
    close: () => Promise.resolve(),
  }

  function write(added: readonly NewRecord[]): Position[] {
    return added.map((one) => {
      records.push({ ...one, offset: records.length })
      return at(records.length - 1)
    })
  }

  return {
    log,
    reads,
    write,
    show(upTo = records.length) {
      visible = upTo
      wake()
    },
    fail(failure: Failure) {
      broken = failure
      wake()
    },
    /** A hole where a record should be. */
    skipOne() {
      records.push({ ...records.at(-1)!, offset: records.length + 1 })
    },
  }
}

const clock = {
  now: () => 0,
  monotonic: () => performance.now(),
  sleep: (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal?.aborted === true) resolve()
      else signal?.addEventListener('abort', () => resolve(), { once: true })
    }),
  newId: () => 'id',
}

function link(run: string, seq: number, prev = `${run}${seq - 1}`): NewRecord {
  const type = seq === 0 ? 'task.submitted' : 'run.started'
  const headers = {
    ce_id: `${run}${seq}`,
    ce_type: type,
    ce_run: run,
    ce_seq: String(seq),
    ...(seq === 0 ? {} : { ce_prev: prev }),
  }
  return { key: run, headers, value: new Uint8Array() }
}

function openFeed(
  log: EventLog,
  given: { follow?: boolean; tables?: TableStore; report?: (signal: Signal) => void } = {},
) {
  const { follow = true, tables = openSqliteTableStore({ path: ':memory:', schema: refereeTables }), report } = given
  const stopped: Failure[] = []
  const feed = openRunFeed({
    log,
    referee: createReferee(tables),
    clock,
    follow,
    onStopped: (failure) => stopped.push(failure),
    ...(report === undefined ? {} : { report }),
  })
  return { feed, stopped }
}

function watching(feed: { watch(run: string, see: (judged: Judged) => void): () => void }, run: string) {
  const seen: [number, boolean][] = []
  const unwatch = feed.watch(run, ({ position, accepted }) => seen.push([position.offset, accepted]))
  return { seen, unwatch }
}

describe('who watches a run', () => {
  test('sees each of its records once, in order, with the referee’s word, and no others', async () => {
    const { log, write, show } = openLog()
    const { feed } = openFeed(log)
    const { seen } = watching(feed, 'a')
    write([link('a', 0), link('b', 0), link('a', 1), link('a', 1), link('b', 1)])
    show()
    await feed.reached(at(4))
    expect(seen).toEqual([
      [0, true],
      [2, true],
      [3, false],
    ])
    expect([feed.isRejected(0, 2), feed.isRejected(0, 3)]).toEqual([false, true])
  })

  test('sees nothing any more when it has ended that', async () => {
    const { log, write, show } = openLog()
    const { feed } = openFeed(log)
    const { seen, unwatch } = watching(feed, 'a')
    write([link('a', 0)])
    show()
    await feed.reached(at(0))
    unwatch()
    write([link('a', 1)])
    show()
    await feed.reached(at(1))
    expect(seen).toEqual([[0, true]])
  })
})

describe('own records just acknowledged', () => {
  test('are judged from memory where they are next, and not a second time when they are read', async () => {
    const { log, write, show } = openLog()
    const { feed } = openFeed(log)
    const { seen } = watching(feed, 'a')
    const own = [link('a', 0), link('a', 1)]
    feed.appended(write(own), own)
    expect(seen).toEqual([
      [0, true],
      [1, true],
    ])
    await feed.reached(at(1))
    write([link('a', 2)])
    show()
    await feed.reached(at(2))
    expect(seen.map(([offset]) => offset)).toEqual([0, 1, 2])
  })

  test('wait for what others wrote before them', async () => {
    const { log, write, show } = openLog()
    const { feed } = openFeed(log)
    const { seen } = watching(feed, 'a')
    write([link('a', 0), link('a', 1)])
    const own = [link('a', 1)]
    feed.appended(write(own), own)
    expect(seen).toEqual([])
    show()
    await feed.reached(at(2))
    expect(seen).toEqual([
      [0, true],
      [1, true],
      [2, false],
    ])
  })

  test('wake who waits for them', async () => {
    const { log, write } = openLog()
    const { feed } = openFeed(log)
    const reached = feed.reached(at(0))
    const own = [link('a', 0)]
    feed.appended(write(own), own)
    await reached
    expect(feed.next(0)).toBe(1)
  })
})

describe('who waits for a position', () => {
  test('is told when it is judged, and at once when it was', async () => {
    const { log, write, show } = openLog()
    const { feed } = openFeed(log)
    let told = false
    const reached = feed.reached(at(1)).then(() => (told = true))
    write([link('a', 0), link('a', 1)])
    show(1)
    await feed.reached(at(0))
    expect(told).toBe(false)
    show(2)
    await reached
    await feed.reached(at(1))
  })

  test('may stop waiting, and leaves nothing on its signal either way', async () => {
    const { log, write, show } = openLog()
    const { feed } = openFeed(log)
    const stop = new AbortController()
    const aborted = feed.reached(at(9), stop.signal)
    const reached = feed.reached(at(0), stop.signal)
    write([link('a', 0)])
    show()
    await reached
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1)
    stop.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'log.closed' })
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0)
    await expect(feed.reached(at(9), stop.signal)).rejects.toMatchObject({ code: 'log.closed' })
  })

  test('is told by name when the feed has stopped, also afterwards', async () => {
    const { log, fail } = openLog()
    const { feed, stopped } = openFeed(log)
    const reached = feed.reached(at(0))
    await Promise.resolve()
    fail(new Failure('log.diverged', 'another history'))
    await expect(reached).rejects.toMatchObject({ code: 'log.diverged' })
    await expect(feed.reached(at(0))).rejects.toMatchObject({ code: 'log.diverged' })
    expect(stopped).toHaveLength(1)
  })

  test('is told when the process ends, also afterwards', async () => {
    const { log } = openLog()
    const { feed, stopped } = openFeed(log)
    const reached = feed.reached(at(0))
    const closed = feed.close()
    await expect(reached).rejects.toMatchObject({ code: 'log.closed' })
    await closed
    await expect(feed.reached(at(0))).rejects.toMatchObject({ code: 'log.closed' })
    expect(stopped).toEqual([])
  })
})

describe('catching up', () => {
  test('ends when what the log held then is judged', async () => {
    const { log, write, show } = openLog()
    const { feed } = openFeed(log)
    await feed.catchUp()
    write([link('a', 0), link('a', 1)])
    const caughtUp = feed.catchUp()
    await eventually('the feed waits', () => feed.next(0) === 0)
    write([link('a', 2)])
    show(2)
    await caughtUp
    expect(feed.next(0)).toBe(2)
  })

  test('reads for itself where the feed does not follow', async () => {
    const { log, write, reads } = openLog()
    const { feed } = openFeed(log, { follow: false })
    write([link('a', 0), link('a', 1)])
    expect(reads).toEqual([])
    await feed.catchUp()
    expect(feed.next(0)).toBe(2)
    write([link('a', 2)])
    await feed.reached(at(2))
    expect(feed.chain('a')).toMatchObject({ seq: 2 })
  })
})

describe('a feed', () => {
  test('stops at a hole in the log, by name', async () => {
    const { log, write, show, skipOne } = openLog()
    const { feed, stopped } = openFeed(log)
    write([link('a', 0)])
    skipOne()
    show()
    await expect(feed.reached(at(5))).rejects.toMatchObject({ code: 'log.gap' })
    expect(stopped).toHaveLength(1)
  })

  test('goes on after a restart where its referee was, and says which record it stands on', async () => {
    const tables = openSqliteTableStore({ path: ':memory:', schema: refereeTables })
    const { log, write, show, reads } = openLog()
    const first = openFeed(log, { tables })
    write([link('a', 0), link('a', 1), link('a', 1)])
    show()
    await first.feed.reached(at(2))
    await first.feed.close()
    const { feed } = openFeed(log, { tables })
    expect(reads.at(-1)).toMatchObject({ from: at(3), options: { after: 'a1', follow: true } })
    expect([feed.next(0), feed.isRejected(0, 2)]).toEqual([3, true])
  })

  test('judges on while its referee’s disk is full, and says so', async () => {
    const store = openSqliteTableStore({ path: ':memory:', schema: refereeTables })
    const full: TableStore = {
      ...store,
      transaction() {
        throw new Failure('store.stalled', 'the disk is full')
      },
    }
    const signals: Signal[] = []
    const { log, write, show } = openLog()
    const { feed, stopped } = openFeed(log, { tables: full, report: (signal) => signals.push(signal) })
    write(Array.from({ length: 20_001 }, (_, n) => link(`r${n}`, 0)))
    show()
    await feed.reached(at(20_000))
    await feed.close()
    expect(signals).toContainEqual(expect.objectContaining({ signal: 'store.stalled', store: 'referee' }))
    expect(stopped).toEqual([])
  })
})
