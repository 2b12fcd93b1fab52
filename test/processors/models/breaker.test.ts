/** When a provider is left alone, and when it is tried again. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { afterCall, type Breaker, closed, letThrough, restMs, type Shown } from '#processors/models/breaker.ts'

const settings = { failures: 3, coolDownMs: 100, longestCoolDownMs: 350 }
const failed: Shown = { is: 'failed', reason: 'overloaded' }

function after(breaker: Breaker, ...calls: (readonly [Shown, number, number?])[]): Breaker {
  return calls.reduce((state, [shown, now, began = now]) => afterCall(state, { shown, began, now }, settings), breaker)
}

const opened = after(closed, [failed, 1], [failed, 2], [failed, 3])

test('it opens after the failures in a row, and not before', () => {
  expect(after(closed, [failed, 1], [failed, 2])).toEqual({ is: 'closed', failures: 2 })
  expect(opened).toMatchObject({ is: 'open', failures: 3, reason: 'overloaded', coolDownMs: 100, until: 103 })
})

test('an answer between them begins the row anew; a call we ended does not count', () => {
  expect(after(closed, [failed, 1], [failed, 2], [{ is: 'answered' }, 3], [failed, 4]).is).toBe('closed')
  expect(after(closed, [failed, 1], [{ is: 'nothing' }, 2], [failed, 3], [failed, 4]).is).toBe('open')
})

test('it lets one call through after the cool-down, and no second one', () => {
  expect(restMs(opened, 50)).toBe(53)
  expect(restMs(opened, 103)).toBe(0)
  const trying = letThrough(opened, 110)
  expect(trying.is).toBe('trying')
  expect(restMs(trying, 111)).toBeGreaterThan(0)
})

test('a call that was let through and never came back holds the next for a cool-down only', () => {
  expect(restMs(letThrough(opened, 110), 210)).toBe(0)
})

test('it closes with an answer', () => {
  expect(after(letThrough(opened, 110), [{ is: 'answered' }, 120, 110])).toEqual(closed)
})

test('each failure of the one call lengthens the cool-down, up to the longest', () => {
  let breaker = opened
  const coolDowns = [200, 350, 350].map(() => {
    const now = breaker.is === 'closed' ? 0 : breaker.until
    breaker = after(letThrough(breaker, now), [failed, now + 1, now])
    return breaker.is === 'closed' ? 0 : breaker.coolDownMs
  })
  expect(coolDowns).toEqual([200, 350, 350])
})

test('failures of calls that were under way before say nothing of now', () => {
  expect(after(opened, [failed, 50, 0])).toEqual(opened)
  const trying = letThrough(opened, 110)
  expect(after(trying, [failed, 115, 2])).toEqual(trying)
})

test('the one call ended by us leaves the trying to the next', () => {
  expect(restMs(after(letThrough(opened, 110), [{ is: 'nothing' }, 120, 110]), 120)).toBe(0)
})

test('whatever happens, it rests no longer than the longest cool-down', () => {
  const step = fc.record({
    wait: fc.integer({ min: 0, max: 400 }),
    shown: fc.constantFrom<Shown>(failed, { is: 'answered' }, { is: 'nothing' }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let breaker = closed
      let now = 0
      for (const { wait, shown } of steps) {
        now += wait
        const rest = restMs(breaker, now)
        expect(rest).toBeLessThanOrEqual(settings.longestCoolDownMs)
        if (rest > 0) continue
        breaker = after(letThrough(breaker, now), [shown, now + 1, now])
      }
    }),
  )
})
