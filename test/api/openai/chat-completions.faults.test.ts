/**
 * Any faults of model servers, seen by a client of `POST /v1/chat/completions` and by the log: the same story.
 */
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'
import type { Fault } from '#test/fakes/openai-faults.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { holds, hurried } from './fault-run.ts'
import type { Scenario } from './fault-run.ts'

const status = (status: number, headers = {}): Fault => ({ fault: 'status', status, headers })

const faults: readonly Fault[] = [
  'ok',
  'rate-limited',
  status(429, { 'retry-after': '1' }),
  status(500),
  status(503),
  status(400),
  status(401),
  'hang-before-headers',
  'hang-mid-body',
  'cut-before-headers',
  'cut-mid-body',
  'cut-in-character',
  'garbage-chunk',
  'garbage-json',
  'no-space',
  'comments',
  'crlf',
  'cr',
  'multi-line',
  'byte-order-mark',
  'no-done',
  'no-finish',
  'no-blank-line',
  'error-chunk',
  'error-event',
  'error-object',
  'wrong-content-type',
  'whole-for-stream',
  'no-usage',
  'split-arguments',
  'html',
  'empty-body',
  'no-choices',
  'invalid-utf8',
  'hang-after-done',
]

describe('a chat before faulty model servers', () => {
  let server: Serving
  let fakes: readonly FakeOpenAi[]

  beforeAll(async () => {
    const options = { answer: 'Grüße aus Köln 🌍', chunkDelayMs: 0 }
    fakes = [await startFakeOpenAi(options), await startFakeOpenAi(options)]
    const [first, second] = fakes
    server = await serving({
      stores: ['lookup'],
      worker: false,
      changed: hurried,
      env: {
        LATTICE_PROVIDER: '',
        LATTICE_PROVIDER_ORDER: 'openai,groq',
        OPENAI_BASE_URL: first?.url ?? '',
        GROQ_BASE_URL: second?.url ?? '',
        GROQ_API_KEY: 'key-of-the-second-fake',
      },
    })
  })
  afterAll(async () => {
    await server.close()
    await Promise.all(fakes.map((fake) => fake.close()))
  })

  test.each(faults.flatMap((fault) => [true, false].map((stream) => [nameOf(fault), stream, fault] as const)))(
    '%s, streamed: %s',
    async (_, stream, fault) => {
      await holds({ faults: [fault], stream, providers: 1, leavesAfter: undefined }, server, fakes)
    },
  )

  test('any faults in a row, any way of asking, a client that stays or goes', async () => {
    const scenario: fc.Arbitrary<Scenario> = fc.record({
      faults: fc.array(fc.constantFrom(...faults), { maxLength: 5 }),
      stream: fc.boolean(),
      providers: fc.constantFrom(1, 2),
      leavesAfter: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, (one) => holds(one, server, fakes)),
      { numRuns: 50, endOnFailure: true, interruptAfterTimeLimit: 60_000 },
    )
  }, 120_000)
})

function nameOf(fault: Fault): string {
  if (typeof fault === 'string') return fault
  if (fault.fault !== 'status') return fault.fault
  return `${fault.status}${Object.keys(fault.headers ?? {}).length > 0 ? ' with retry-after' : ''}`
}
