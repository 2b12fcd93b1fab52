/** Which event of a run counts: the rule, its laws, and what the referee's store may lose without changing its word. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openSqliteTableStore } from '#infra/sqlite/sqlite-table-store.ts'
import { accepts, createReferee, refereeTables } from '#processors/journal/referee.ts'
import type { StoredRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { TableStore } from '#processors/ports/table-store.ts'

type JudgedRecord = Omit<StoredRecord, 'value'>

interface Given {
  readonly type?: string
  readonly run?: string
  readonly key?: string
  readonly seq?: number
  readonly prev?: string
  readonly id?: string
}

function record(offset: number, given: Given): JudgedRecord {
  const { type = 'run.started', run = 'r', key = run, seq = 1, prev = '', id = `e${offset}` } = given
  const headers = {
    ce_id: id,
    ce_type: type,
    ce_run: run,
    ce_seq: String(seq),
    ...(prev === '' ? {} : { ce_prev: prev }),
  }
  return { offset, key, headers }
}

function tables(): TableStore {
  return openSqliteTableStore({ path: ':memory:', schema: refereeTables })
}

/** What the referee says of each record, one partition. */
function judgeAll(records: readonly Given[], referee = createReferee(tables())): boolean[] {
  return records.map((given, offset) => referee.judge(0, record(offset, given)))
}

const submitted = { type: 'task.submitted', seq: 0, id: 's' }
const started = { seq: 1, prev: 's', id: 'a1' }
const completed = { type: 'run.completed', seq: 2, prev: 'a1', id: 'a2' }
const cancelled = { type: 'task.cancelled', seq: -1 }

describe('an event counts', () => {
  test('when it extends its run’s chain', () => {
    expect(judgeAll([submitted, started, completed])).toEqual([true, true, true])
  })

  test('only once, however often it was appended', () => {
    expect(judgeAll([submitted, submitted, started, started])).toEqual([true, false, true, false])
  })

  test('only when it stands on the event before it, not on another at that place', () => {
    expect(judgeAll([submitted, started, { seq: 2, prev: 'b1', id: 'b2' }])).toEqual([true, true, false])
  })

  test('only when none is left out', () => {
    expect(judgeAll([submitted, { seq: 2, prev: 's' }])).toEqual([true, false])
  })

  test('only while its run is open', () => {
    expect(judgeAll([submitted, started, completed, { seq: 3, prev: 'a2' }, cancelled])).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })

  test('as a cancellation whenever its run is open, without going on with the chain', () => {
    expect(judgeAll([cancelled, submitted, cancelled, started, cancelled])).toEqual([false, true, true, true, true])
  })

  test('as the first of its run only when it is a submission', () => {
    expect(judgeAll([{ seq: 0 }, submitted])).toEqual([false, true])
  })

  test('only under its run’s own key, for a run of two partitions would have two histories', () => {
    expect(judgeAll([submitted, { ...started, key: 'other' }, started])).toEqual([true, false, true])
  })

  test('only with an id, which the next one stands on', () => {
    expect(judgeAll([submitted, { ...started, id: '' }])).toEqual([true, false])
  })

  test.for([{}, { ce_id: 'x' }, { ce_id: 'x', ce_run: 'r', ce_seq: 'one' }, { ce_id: 'x', ce_run: 'r', ce_seq: '1' }])(
    'not with such headers: %j',
    (headers) => {
      const referee = createReferee(tables())
      referee.judge(0, record(0, submitted))
      expect(referee.judge(0, { offset: 1, key: 'r', headers })).toBe(false)
    },
  )
})

test('what is known of a run is its last event, whether it has ended, and whether somebody asked for its end', () => {
  const referee = createReferee(tables())
  judgeAll([submitted, started, cancelled], referee)
  expect(referee.chain('r')).toEqual({ seq: 1, lastId: 'a1', closed: false, cancelled: true })
  referee.judge(0, record(3, completed))
  expect(referee.chain('r')).toEqual({ seq: 2, lastId: 'a2', closed: true, cancelled: true })
  expect(referee.chain('another')).toBeUndefined()
})

test('a flush that fails keeps everything for the next one', () => {
  const store = tables()
  let full = true
  const disk: TableStore = {
    ...store,
    transaction(work) {
      if (!full) return store.transaction(work)
      throw new Failure('store.stalled', 'the disk is full')
    },
  }
  const referee = createReferee(disk)
  judgeAll([submitted, started, started], referee)
  expect(() => referee.flush()).toThrow('the disk is full')
  full = false
  referee.flush()
  const again = createReferee(store)
  expect(again.next(0)).toBe(3)
  expect(again.chain('r')).toMatchObject({ seq: 1, lastId: 'a1' })
  expect(again.isRejected(0, 2)).toBe(true)
})

test('a flush without anything new writes nothing', () => {
  const store = tables()
  let transactions = 0
  const counted: TableStore = { ...store, transaction: (work) => ((transactions += 1), store.transaction(work)) }
  const referee = createReferee(counted)
  referee.flush()
  judgeAll([submitted], referee)
  referee.flush()
  referee.flush()
  expect(transactions).toBe(1)
})

describe('laws, over records of several writers, some of them wrong', () => {
  const id = fc.integer({ min: 0, max: 8 }).map((n) => `e${n}`)
  const runs = ['r', 'q', 'p', 'o', 'n']
  const run = fc.constantFrom(...runs)
  const given: fc.Arbitrary<Given> = fc.record({
    type: fc.constantFrom('task.submitted', 'run.started', 'attempt.started', 'run.completed', 'task.cancelled'),
    run,
    seq: fc.integer({ min: -1, max: 4 }),
    prev: fc.oneof(id, fc.constant('')),
    id,
  })
  /** Mostly what really extends a chain: the test of a rule that refuses all but everything would say little. */
  const stream = fc.array(fc.tuple(given, fc.boolean()), { minLength: 1, maxLength: 60 }).map((drawn) => {
    const last = new Map<string, { seq: number; id: string }>()
    return drawn.map(([one, fitting], offset) => {
      const chain = last.get(one.run ?? '')
      const link = fitting
        ? {
            seq: (chain?.seq ?? -1) + 1,
            prev: chain?.id ?? '',
            id: `f${offset}`,
            type: chain === undefined ? 'task.submitted' : 'run.started',
          }
        : {}
      const made = { ...one, ...link }
      if (fitting) last.set(made.run ?? '', { seq: made.seq ?? 0, id: made.id ?? '' })
      return made
    })
  })

  /** The rule as RULES words it, without a store. */
  function byTheRule(records: readonly Given[]): boolean[] {
    const chains = new Map<string, { seq: number; last: string; open: boolean }>()
    return records.map(({ type = '', run = '', seq = 0, prev = '', id: own = '' }) => {
      const chain = chains.get(run)
      if ((prev === '') !== seq <= 0) return false
      if (type === 'task.cancelled') return seq !== 0 && chain?.open === true
      const fits =
        seq === 0
          ? chain === undefined && type === 'task.submitted'
          : chain?.open === true && seq === chain.seq + 1 && prev === chain.last
      if (fits) chains.set(run, { seq, last: own, open: type !== 'run.completed' })
      return fits
    })
  }

  test('[run.single] the referee is the rule', () => {
    fc.assert(
      fc.property(stream, (records) => {
        expect(judgeAll(records)).toEqual(byTheRule(records))
      }),
      { numRuns: 500 },
    )
  })

  test('its word on a record depends on what stands before it alone', () => {
    fc.assert(
      fc.property(stream, fc.nat(60), (records, cut) => {
        expect(judgeAll(records.slice(0, cut))).toEqual(judgeAll(records).slice(0, cut))
      }),
      { numRuns: 200 },
    )
  })

  test('flushes and crashes at any moment change no word: what was not flushed is judged again, the same way', () => {
    const moves = fc.array(fc.constantFrom('judge', 'judge', 'judge', 'flush', 'crash'), { maxLength: 120 })
    fc.assert(
      fc.property(stream, moves, (records, steps) => {
        const store = tables()
        let referee = createReferee(store)
        const expected = byTheRule(records)
        const judgeNext = (): void => {
          const offset = referee.next(0)
          const next = records[offset]
          if (next !== undefined) expect(referee.judge(0, record(offset, next))).toBe(expected[offset])
        }
        for (const step of steps) {
          if (step === 'judge') judgeNext()
          else if (step === 'flush') referee.flush()
          else referee = createReferee(store)
        }
        while (referee.next(0) < records.length) judgeNext()
        expect(expected.map((_, offset) => !referee.isRejected(0, offset))).toEqual(expected)
        store.close()
      }),
      { numRuns: 200 },
    )
  })

  test('who follows another process’s store on its snapshots says the same', () => {
    const moves = fc.array(fc.constantFrom('owner', 'owner', 'follower', 'flush', 'pin'), {
      minLength: 20,
      maxLength: 150,
    })
    fc.assert(
      fc.property(stream, moves, (records, steps) => {
        const store = tables()
        const owner = createReferee(store)
        const follower = createReferee(copyOf(store), () => copyOf(store))
        const expected = byTheRule(records)
        const judgeNext = (referee: typeof owner): void => {
          const offset = referee.next(0)
          const next = records[offset]
          if (next !== undefined) expect(referee.judge(0, record(offset, next))).toBe(expected[offset])
        }
        for (const step of steps) {
          if (step === 'owner') judgeNext(owner)
          else if (step === 'follower') judgeNext(follower)
          else if (step === 'flush') owner.flush()
          else follower.flush()
        }
        while (follower.next(0) < records.length) judgeNext(follower)
        while (owner.next(0) < records.length) judgeNext(owner)
        for (const run of runs) expect(follower.chain(run)).toEqual(owner.chain(run))
        expect(expected.map((_, offset) => !follower.isRejected(0, offset))).toEqual(expected)
      }),
      { numRuns: 200 },
    )
  })
})

/** A store as it stands now, as another process sees it. */
function copyOf(store: TableStore): TableStore {
  const copy = tables()
  for (const table of ['chains', 'rejected', 'judged']) {
    for (const row of store.all<Record<string, string | number>>(`SELECT * FROM ${table}`)) {
      const values = Object.values(row)
      copy.run(`INSERT INTO ${table} VALUES (${values.map(() => '?').join(', ')})`, ...values)
    }
  }
  return copy
}

test('the rule in one line each', () => {
  const open = { seq: 3, lastId: 'x', closed: false, cancelled: false }
  expect(accepts(undefined, 'task.submitted', { run: 'r', seq: 0, prev: '' })).toBe(true)
  expect(accepts(open, 'task.submitted', { run: 'r', seq: 0, prev: '' })).toBe(false)
  expect(accepts(open, 'run.waited', { run: 'r', seq: 4, prev: 'x' })).toBe(true)
  expect(accepts({ ...open, closed: true }, 'run.waited', { run: 'r', seq: 4, prev: 'x' })).toBe(false)
})
