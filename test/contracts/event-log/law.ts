/**
 * Contract of an event log: it is, partition by partition, an array that only grows. Random uses against that model.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { content, idOf, readAll, record } from '#test/contracts/records.ts'
import { type EventLog, type NewRecord, partitionOf } from '#processors/ports/event-log.ts'
import { MANY, type PreparedLogs, failureOf, range } from './prepared-logs.ts'

type Step =
  | { readonly step: 'append'; readonly calls: readonly (readonly { key: string; size: number; note: string }[])[] }
  | { readonly step: 'read'; readonly share: number; readonly batchSize: number }
  | { readonly step: 'reopen' }

const someCalls = fc.array(
  fc.array(
    fc.record({
      key: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
      size: fc.oneof(fc.nat(50), fc.nat(20_000)),
      note: fc.string({ unit: 'grapheme' }),
    }),
    { minLength: 1, maxLength: 30 },
  ),
  { minLength: 1, maxLength: 6 },
)
const someSteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ step: fc.constant('append' as const), calls: someCalls }) },
    {
      weight: 3,
      arbitrary: fc.record({
        step: fc.constant('read' as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        batchSize: fc.integer({ min: 1, max: 50 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('reopen' as const) }) },
  ),
  { minLength: 1, maxLength: 12 },
)

export function law(logs: PreparedLogs): void {
  describe('law', () => {
    it(
      '[log.ordered] any mix of appends, reads and reopenings is a growing array',
      { timeout: 120_000 * logs.slowness },
      async () => {
        let log = await logs.open()
        // One log for all runs: each begins with what the ones before have left.
        const model = range(log.partitions(MANY)).map((): NewRecord[] => [])

        const perform = async (step: Step): Promise<void> => {
          if (step.step === 'reopen') {
            await log.close()
            log = await logs.open()
          } else if (step.step === 'append') {
            await append(
              log,
              model,
              step.calls.map((call) => call.map(({ key, size, note }) => record(key, 'v'.repeat(size), { note }))),
            )
          } else {
            for (const [partition, array] of model.entries()) {
              const from = Math.round(array.length * step.share)
              const after = from === 0 ? '' : idOf(array[from - 1] as NewRecord)
              const stored = await readAll(log, MANY, partition, from, { batchSize: step.batchSize, after })
              expect(stored.map(({ offset }) => offset)).toEqual(range(array.length).slice(from))
              expect(stored.map(content)).toEqual(array.slice(from).map(content))
              expect(await failureOf(readAll(log, MANY, partition, array.length + 1))).toBe('log.diverged')
            }
          }
          expect(await log.bounds(MANY)).toEqual(
            model.map((array, partition) => ({ partition, first: 0, next: array.length })),
          )
        }

        const property = fc.asyncProperty(someSteps, async (steps) => {
          for (const step of steps) await perform(step)
        })
        await fc.assert(property, { numRuns: 15, endOnFailure: true })
      },
    )
  })
}

/** Concurrent calls: their order among each other is the log's to say, their places must fit together. */
async function append(log: EventLog, model: NewRecord[][], calls: readonly NewRecord[][]): Promise<void> {
  const positions = await Promise.all(calls.map((call) => log.append(MANY, call)))
  calls.forEach((call, c) => {
    call.forEach((one, i) => {
      const at = positions[c]?.[i]
      const array = model[at?.partition ?? -1]
      expect(at?.partition).toBe(partitionOf(one.key, model.length))
      if (array === undefined || at === undefined) throw new Error('no such partition')
      expect(array[at.offset]).toBeUndefined()
      array[at.offset] = one
    })
  })
  for (const array of model) expect(Object.keys(array).length).toBe(array.length)
}
