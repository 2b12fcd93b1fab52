/** Asking for money on a real log: granted, refused, released, and gone on with after a restart. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createSystemClock } from '#infra/system/system-clock.ts'
import { openSqliteTableStore } from '#infra/sqlite/sqlite-table-store.ts'
import { answerWithinMs, type BudgetPorts, type Budgets, openBudgets } from '#processors/budgets/budgets.ts'
import { budgetsProjection, readBook } from '#processors/budgets/budgets.projection.ts'
import { openPrices } from '#processors/budgets/prices.ts'
import type { RunCosts } from '#processors/budgets/settle-calls.reactor.ts'
import { settleCalls } from '#processors/budgets/settle-calls.reactor.ts'
import { type AnyStoredEvent, decodeRecords } from '#processors/journal/read.ts'
import type { BudgetRule } from '#processors/ports/budget-rules.ts'
import { Failure } from '#processors/ports/failure.ts'
import { openTableProjections, schemaOf } from '#processors/stores/table-projections.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'

const day: BudgetRule = { name: 'llm', limitMicroUsd: 1000, period: 'day' }
const prices = openPrices({
  rules: [{ pattern: 'p/*', input: 0, output: 1 }],
  isLocal: (name) => name === 'local',
})
const signal = new AbortController().signal

let world: LogWorld
let opened: Budgets[]
let now = 0
/** What the wait for an answer does; for ever unless a test says otherwise. */
let patience: () => Promise<void>
beforeEach(async () => {
  now = Date.UTC(2026, 10, 21, 23, 59, 59, 999)
  patience = () => new Promise(() => {})
  world = await openLogWorld()
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()))
  await world.close()
})

function open(given: Partial<BudgetPorts> = {}): Budgets {
  const { log, codec, journal } = world
  const system = createSystemClock()
  const clock = {
    ...system,
    now: () => now,
    sleep: (ms: number, stop?: AbortSignal) => (ms === answerWithinMs ? patience() : system.sleep(ms, stop)),
  }
  const ports = { log, codec, journal, clock, report: () => {}, rules: [day], prices, restore: async () => undefined }
  const budgets = openBudgets({ ...ports, ...given })
  opened.push(budgets)
  return budgets
}

const call = (run: string, most: number, given: { provider?: string; tags?: Record<string, string> } = {}) => ({
  run,
  attempt: 1,
  principal: 'ann',
  tags: {},
  provider: 'p',
  model: 'm',
  messages: '[]',
  parameters: JSON.stringify({ max_tokens: most }),
  ...given,
})
const used = (run: string, microUsd: number) => ({
  reservation: `${run}:1`,
  run,
  microUsd,
  estimated: false,
  reason: 'used',
})

async function onTheLog(): Promise<AnyStoredEvent[]> {
  const events: AnyStoredEvent[] = []
  for await (const batch of world.log.read({ topic: 'budgets.v1', partition: 0, offset: 0 })) {
    const decoded = await decodeRecords(world.codec, batch, { topic: 'budgets.v1', partition: 0, wants: () => true })
    for (const event of decoded) if (!('bad' in event)) events.push(event)
  }
  return events
}
const types = async (): Promise<string[]> => (await onTheLog()).map(({ type }) => type)

describe('a call', () => {
  test('that no budget names, or that costs nothing, leaves no event', async () => {
    expect(await open({ rules: [] }).reserve(call('a', 5000), signal)).toEqual({ granted: true })
    expect(await open().reserve(call('b', 5000, { provider: 'local' }), signal)).toEqual({ granted: true })
    expect(await types()).toEqual([])
  })

  test('is granted after its reservation is read back, in another process’s order too', async () => {
    const [one, other] = [open(), open()]
    expect(await one.reserve(call('a', 900), signal)).toEqual({ granted: true, reservation: 'a:1' })
    const refused = await other.reserve(call('b', 900), signal)
    expect(refused).toMatchObject({ granted: false, code: 'budget-spent' })
    await one.settle(used('a', 10))
    await (await other.feed()).catchUp()
    expect(await other.reserve(call('c', 900), signal)).toMatchObject({ granted: true })
  })

  test('that the fold knows to be spent is refused without an event', async () => {
    const budgets = open()
    await budgets.reserve(call('a', 1000), signal)
    expect(await budgets.reserve(call('b', 1), signal)).toMatchObject({ code: 'budget-spent' })
    await expect(budgets.check(call('c', 1))).rejects.toMatchObject({ code: 'budget.spent' })
    expect(await types()).toEqual(['budget.reserved'])
  })

  test('larger than the whole budget says so', async () => {
    const refused = await open().reserve(call('a', 1001), signal)
    expect(refused).toMatchObject({ granted: false, code: 'budget-spent' })
    expect('message' in refused && refused.message).toContain('is smaller than this call')
    // Waiting would never help.
    await expect(open().check(call('a', 1001))).rejects.toMatchObject({
      message: expect.not.stringContaining('anew'),
      remedy: expect.stringMatching(/^make the call smaller by --max-tokens/),
    })
  })

  test('after midnight UTC finds the new day empty, by the clock of who asks', async () => {
    const budgets = open()
    expect(await budgets.reserve(call('a', 1000), signal)).toMatchObject({ granted: true })
    const full = await budgets.reserve(call('b', 1), signal)
    expect('message' in full && full.message).toContain('it starts anew at 2026-11-22T00:00:00Z')
    now += 1
    expect(await budgets.reserve(call('c', 1000), signal)).toMatchObject({ granted: true })
    // What it cost counts for the day it was asked on.
    await budgets.settle(used('a', 1000))
    expect((await budgets.feed()).book.total('llm', '2026-11-21')).toMatchObject({ settledMicroUsd: 1000 })
    expect((await budgets.feed()).book.total('llm', '2026-11-22')).toMatchObject({ heldMicroUsd: 1000 })
  })

  test('of unknown price is not made, where a budget counts it', async () => {
    expect(await open().reserve(call('a', 1, { provider: 'unheard-of' }), signal)).toMatchObject({
      code: 'budget-unpriced',
    })
  })
})

describe('without an answer in time', () => {
  test('the reservation is released and the call is not made, whatever comes late', async () => {
    patience = () => Promise.resolve()
    const written = Promise.withResolvers<void>()
    const { journal } = world
    let first = true
    const slow = {
      ...journal,
      async append(events: Parameters<typeof journal.append>[0]) {
        const late = first
        first = false
        if (late) await written.promise
        return journal.append(events)
      },
    }
    const budgets = open({ journal: slow })
    expect(await budgets.reserve(call('a', 900), signal)).toMatchObject({ granted: false, code: 'budget-unavailable' })
    written.resolve()
    await budgets.close()
    expect((await types()).toSorted()).toEqual(['budget.reserved', 'budget.settled'])
    patience = () => new Promise(() => {})
    expect(await open().reserve(call('b', 1000), signal)).toMatchObject({ granted: true })
  })

  test('an append that fails is no grant', async () => {
    const append = (): Promise<never> => Promise.reject(new Failure('log.unavailable', 'gone'))
    const budgets = open({ journal: { ...world.journal, append } })
    expect(await budgets.reserve(call('a', 1), signal)).toMatchObject({ code: 'budget-unavailable' })
  })

  test('a run that is stopped meanwhile gets none', async () => {
    const stop = new AbortController()
    stop.abort()
    expect(await open().reserve(call('a', 1), stop.signal)).toMatchObject({ granted: false })
  })
})

test('a process that starts goes on from the lookup store, and reads no further back', async () => {
  const before = open()
  await before.reserve(call('a', 600), signal)
  await before.reserve(call('b', 300), signal)
  await before.settle(used('b', 250))
  const tables = openSqliteTableStore({ path: ':memory:', schema: schemaOf([budgetsProjection]) })
  const store = openTableProjections(tables, [budgetsProjection])
  const from: number[] = []
  for await (const batch of world.log.read({ topic: 'budgets.v1', partition: 0, offset: 0 })) {
    const events = await decodeRecords(world.codec, batch, { topic: 'budgets.v1', partition: 0, wants: () => true })
    const last = batch.at(-1)!
    const at = {
      topic: 'budgets.v1',
      partition: 0,
      next: last.offset + 1,
      lastId: last.headers['ce_id'] ?? '',
    } as const
    await store.fold(events, at)
  }
  await before.reserve(call('c', 100), signal)
  const { log } = world
  const watched = {
    ...log,
    id: log.id,
    append: log.append.bind(log),
    bounds: log.bounds.bind(log),
    read: (...how: Parameters<typeof log.read>) => (from.push(how[0].offset), log.read(...how)),
  } as typeof log
  const after = open({ log: watched, restore: async () => readBook(tables) })
  const { book } = await after.feed()
  expect(from).toEqual([3])
  expect(book.total('llm', '2026-11-21')).toMatchObject({ heldMicroUsd: 700, settledMicroUsd: 250, granted: 3 })
  tables.close()
})

describe('the sweep', () => {
  const attempt = { attempt: 1, code: null, costMicroUsd: 0, estimated: false } as const
  const costs: Record<string, RunCosts | undefined> = {
    completed: { ended: true, attempts: [{ ...attempt, status: 'completed', costMicroUsd: 7 }] },
    cut: { ended: true, attempts: [{ ...attempt, status: 'failed', code: 'cut', costMicroUsd: 3, estimated: true }] },
    refused: { ended: true, attempts: [{ ...attempt, status: 'failed', code: 'rejected' }] },
    abandoned: { ended: true, attempts: [{ ...attempt, status: 'started' }] },
    'never started': { ended: true, attempts: [] },
    open: { ended: false, attempts: [{ ...attempt, status: 'started' }] },
    'owner gone': { ended: false, attempts: [{ ...attempt, status: 'completed', costMicroUsd: 9 }] },
    unknown: undefined,
  }

  test('closes every reservation of an ended run: at its cost, whole where its end is not known, at nothing where never made', async () => {
    const budgets = open({ rules: [{ ...day, limitMicroUsd: 10_000 }] })
    for (const run of Object.keys(costs))
      expect(await budgets.reserve(call(run, 100), signal)).toMatchObject({ granted: true })
    let time = 0
    const settler = settleCalls({ budgets, clock: { monotonic: () => time }, runCosts: async (run) => costs[run] })
    expect(await settler.sweep()).toEqual([])
    time += 5000
    await settler.sweep()
    const said = async (): Promise<Record<string, unknown>> =>
      Object.fromEntries(
        (await onTheLog()).flatMap(({ type, data }) =>
          type === 'budget.settled'
            ? [[data.run, `${data.reason} ${data.microUsd}${data.estimated ? ' estimated' : ''}`]]
            : [],
        ),
      )
    const first = {
      completed: 'used 7',
      cut: 'cut 3 estimated',
      refused: 'released 0',
      abandoned: 'lost 100 estimated',
      'never started': 'released 0',
    }
    expect(await said()).toEqual(first)
    time += 5000
    await settler.sweep()
    expect(await said()).toEqual({ ...first, 'owner gone': 'used 9' })
    time += 600_000
    await settler.sweep()
    expect(await said()).toEqual({ ...first, 'owner gone': 'used 9', unknown: 'released 0' })
    expect([...(await budgets.feed()).book.holds()].map(([reservation]) => reservation)).toEqual(['open:1'])
  })

  test('of two processes counts once', async () => {
    const [one, other] = [open(), open()]
    await one.reserve(call('completed', 100), signal)
    const settlers = [one, other].map((budgets) =>
      settleCalls({ budgets, clock: { monotonic: () => 0 }, runCosts: async (run) => costs[run] }),
    )
    for (let look = 0; look < 2; look += 1) await Promise.all(settlers.map((settler) => settler.sweep()))
    for (const budgets of [one, other]) {
      const feed = await budgets.feed()
      await feed.catchUp()
      expect(feed.book.total('llm', '2026-11-21')).toMatchObject({ settledMicroUsd: 7, heldMicroUsd: 0 })
    }
  })
})
