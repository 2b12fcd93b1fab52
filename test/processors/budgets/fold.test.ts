/** The laws of granting: what any sequence of asking and settling leads to, by a model that knows nothing of the fold. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { budgetsProjection, readBook } from '#processors/budgets/budgets.projection.ts'
import { type Book, foldReserved, foldSettled, wouldGrant } from '#processors/budgets/fold.ts'
import { memoryBook } from '#processors/budgets/memory-book.ts'
import type { AnyNewEvent, EventData } from '#schemas/event.ts'
import { grantedIn } from '#test/processors/budgets/re-add.ts'
import { projected } from '#test/processors/given-events.ts'

type Reserved = EventData['budget.reserved']

const limits: Readonly<Record<string, number>> = { llm: 100, team: 40 }

function reserved(
  reservation: string,
  microUsd: number,
  names: readonly string[] = ['llm'],
  period = 'day 1',
): Reserved {
  const budgets = names.map((name) => ({ name, period, limitMicroUsd: limits[name] ?? 0 }))
  return { reservation, run: reservation, attempt: 1, provider: 'p', model: 'm', microUsd, budgets }
}

function settled(reservation: string, microUsd: number): EventData['budget.settled'] {
  return { reservation, run: reservation, microUsd, estimated: false, reason: 'used' }
}

const ids = fc.integer({ min: 0, max: 7 }).map((n) => `r${n}`)
const eventOf: fc.Arbitrary<Happened> = fc.oneof(
  fc
    .record({
      id: ids,
      microUsd: fc.integer({ min: 0, max: 60 }),
      names: fc.subarray(['llm', 'team'], { minLength: 1 }),
      period: fc.constantFrom('day 1', 'day 2'),
    })
    .map(({ id, microUsd, names, period }) => ({
      type: 'budget.reserved' as const,
      data: reserved(id, microUsd, names, period),
    })),
  fc
    .record({ id: ids, microUsd: fc.integer({ min: 0, max: 80 }) })
    .map(({ id, microUsd }) => ({ type: 'budget.settled' as const, data: settled(id, microUsd) })),
)
const history = fc.array(eventOf, { maxLength: 60 })
type Happened =
  | { readonly type: 'budget.reserved'; readonly data: Reserved }
  | { readonly type: 'budget.settled'; readonly data: EventData['budget.settled'] }

/** Which of them were granted, by their index. */
function fold(book: Book, events: readonly Happened[]): number[] {
  return events.flatMap(({ type, data }, index) => {
    if (type === 'budget.reserved') return foldReserved(book, `event-${index}`, data).granted ? [index] : []
    foldSettled(book, data)
    return []
  })
}

describe('the fold', () => {
  test('grants exactly what adding up the log by hand allows', () => {
    fc.assert(
      fc.property(history, (events) => {
        const log = events.map((event, index) => ({ id: `event-${index}`, ...event }))
        expect(fold(memoryBook(), events).map((index) => `event-${index}`)).toEqual([...grantedIn(log).granted])
      }),
      { numRuns: 500 },
    )
  })

  test('in memory and in tables is the same, and a process that starts from the tables goes on the same', async () => {
    await fc.assert(
      fc.asyncProperty(history, history, async (before, after) => {
        const whole = memoryBook()
        const store = projected([budgetsProjection])
        try {
          for (const { type, data } of before)
            await store.given({ type, subject: data.reservation, data } as AnyNewEvent)
          fold(whole, before)
          const { rows, next } = readBook(store.tables)
          expect(next).toBe(before.length)
          const restored = memoryBook(rows)
          const say = (book: Book): unknown[] =>
            after.map(({ type, data }, index) =>
              type === 'budget.reserved' ? foldReserved(book, `later-${index}`, data) : foldSettled(book, data),
            )
          expect(say(restored)).toEqual(say(whole))
        } finally {
          store.tables.close()
        }
      }),
      { numRuns: 60 },
    )
  })

  test('what would be granted is what is granted', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 60 }), (events, microUsd) => {
        const book = memoryBook()
        fold(book, events)
        const next = reserved('new', microUsd, ['llm', 'team'])
        expect(wouldGrant(book, next.budgets, microUsd)).toEqual(foldReserved(book, 'event-new', next))
      }),
    )
  })
})

describe('a reservation', () => {
  test('is granted up to the limit and not a micro-dollar over it', () => {
    const book = memoryBook()
    expect(foldReserved(book, 'a', reserved('a', 100))).toEqual({ granted: true })
    expect(foldReserved(book, 'b', reserved('b', 1))).toMatchObject({ granted: false, why: 'spent' })
    foldSettled(book, settled('a', 99))
    expect(foldReserved(book, 'c', reserved('c', 1))).toEqual({ granted: true })
  })

  test('that names two budgets takes from both or from none', () => {
    const book = memoryBook()
    expect(foldReserved(book, 'a', reserved('a', 41, ['llm', 'team']))).toMatchObject({
      why: 'spent',
      claim: { name: 'team' },
    })
    expect(book.total('llm', 'day 1')).toMatchObject({ heldMicroUsd: 0, refused: 1 })
    expect(foldReserved(book, 'b', reserved('b', 40, ['llm', 'team']))).toEqual({ granted: true })
    expect(book.total('llm', 'day 1')).toMatchObject({ heldMicroUsd: 40 })
    expect(book.total('team', 'day 1')).toMatchObject({ heldMicroUsd: 40 })
  })

  test('in a budget smaller than one call is never granted', () => {
    expect(foldReserved(memoryBook(), 'a', reserved('a', 101))).toMatchObject({ granted: false, why: 'spent' })
  })

  test('of another period finds that period empty', () => {
    const book = memoryBook()
    foldReserved(book, 'a', reserved('a', 100, ['llm'], 'day 1'))
    expect(foldReserved(book, 'b', reserved('b', 100, ['llm'], 'day 2'))).toEqual({ granted: true })
  })

  test('released before it is read is refused, and holds nothing', () => {
    const book = memoryBook()
    foldSettled(book, settled('a', 0))
    expect(foldReserved(book, 'a', reserved('a', 10))).toEqual({ granted: false, why: 'closed' })
    expect(foldReserved(book, 'b', reserved('b', 100))).toEqual({ granted: true })
  })

  test('asked for by two owners of one run is granted to the first alone', () => {
    const book = memoryBook()
    expect(foldReserved(book, 'first', reserved('a', 10))).toEqual({ granted: true })
    expect(foldReserved(book, 'first', reserved('a', 10))).toEqual({ granted: true })
    expect(foldReserved(book, 'second', reserved('a', 10))).toEqual({ granted: false, why: 'taken' })
    expect(book.total('llm', 'day 1')).toMatchObject({ heldMicroUsd: 10, granted: 1 })
  })

  test('is settled once: the first settlement counts', () => {
    const book = memoryBook()
    foldReserved(book, 'a', reserved('a', 50))
    foldSettled(book, settled('a', 7))
    foldSettled(book, settled('a', 50))
    expect(book.total('llm', 'day 1')).toMatchObject({ heldMicroUsd: 0, settledMicroUsd: 7 })
  })

  test('that cost more than was held leaves the budget overdrawn, and nothing is granted', () => {
    const book = memoryBook()
    foldReserved(book, 'a', reserved('a', 100))
    foldSettled(book, settled('a', 130))
    expect(book.total('llm', 'day 1')).toMatchObject({ settledMicroUsd: 130 })
    expect(foldReserved(book, 'b', reserved('b', 1))).toMatchObject({ granted: false })
  })
})
