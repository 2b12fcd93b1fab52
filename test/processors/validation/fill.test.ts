/** `fill`: rows of the roster pass, and every single thing that is changed is reported by its kind. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Worker } from '#processors/ports/roster.ts'
import { groundedInRoster } from '#processors/validation/grounded.ts'
import { judgeAnswer } from '#processors/validation/judge-answer.ts'
import type { Finding, ValidatorOptions } from '#processors/validation/validator.ts'
import { rosterOfWorkers, workers } from './workers.ts'

const roster = rosterOfWorkers()

const judge = (artifact: unknown, options: ValidatorOptions = {}): Promise<readonly Finding[]> =>
  judgeAnswer('fill', typeof artifact === 'string' ? artifact : JSON.stringify(artifact), { options, roster })
const codesOf = (findings: readonly Finding[]): string[] => findings.map(({ kind, code }) => `${kind} ${code}`)

const toledo = { target_count: 1, city: 'Toledo', state: 'OH', role: 'Welder' }

test.for([
  [{ fills: [{ candidate_id: 'W-1', name: 'Worker A No 1' }] }],
  [{ fills: [{ worker_id: 'W-1' }], reasoning: 'near by' }],
  [{ fills: [{ id: ' W-1 ', name: null, note: { any: 1 } }] }],
  [{ fills: ['W-1'] }],
  [{ fills: [['W-1', 'W-1']] }],
  [{ fills: [['W-1', 'worker  a no 1']] }],
  [['W-1']],
  [[{ candidate_id: 'W-1', city: 'TOLEDO', state: 'oh', role: 'welder' }]],
  ['So I chose:\n```json\n{"fills": [{"candidate_id": "W-1", "name": "W-1"}]}\n```\nGood luck!'],
])('a fill may be written as %j', async ([artifact]) => {
  expect(await judge(artifact, toledo)).toEqual([])
})

test.for([
  [{}],
  [{ fills: null }],
  [{ fills: {} }],
  [{ fills: [null] }],
  [{ fills: [{}] }],
  [{ fills: [''] }],
  [{ fills: [1.5] }],
  [{ fills: [{ candidate_id: '' }] }],
  [{ fills: [{ candidate_id: ['W-1'] }] }],
  [{ fills: [{ candidate_id: 'W-1', id: 'W-4' }] }],
  [{ fills: [{ candidate_id: 'W-1', name: 7 }] }],
  [{ fills: [['W-1', 'W-2', 'W-3']] }],
  [{ fills: [[]] }],
  [{ __proto__: { fills: ['W-1'] } }],
])('%j is no fill', async ([artifact]) => {
  const findings = await judge(artifact, toledo)
  expect(findings).toMatchObject([{ kind: 'Schema', code: 'wrong-shape' }])
  expect(groundedInRoster('fill', findings)).toBeNull()
})

test('many errors of shape are told by the first twenty', async () => {
  expect(await judge({ fills: Array.from({ length: 5000 }, () => ({})) })).toHaveLength(20)
})

test('who is not to be sent, to nobody or to this client, is found', async () => {
  expect(await judge({ fills: ['W-40'] })).toMatchObject([
    { kind: 'Consistency', code: 'status-mismatch', message: expect.stringContaining("'inactive'") },
  ])
  expect(await judge({ fills: ['W-1'] }, { ...toledo, client_id: 'c-9' })).toMatchObject([
    { kind: 'Policy', code: 'client-blocked' },
  ])
  expect(await judge({ fills: ['W-1'] }, { ...toledo, client_id: 'C-8' })).toEqual([])
})

test('a contract may demand nothing but that they are there', async () => {
  expect(await judge({ fills: ['W-1', 'W-2'] })).toEqual([])
  expect(codesOf(await judge({ fills: [] }))).toEqual(['Completeness nobody-named'])
  expect(codesOf(await judge({ fills: [] }, toledo))).toEqual(['Completeness wrong-count', 'Completeness nobody-named'])
})

describe('from rows of the roster', () => {
  interface Row {
    candidate_id: string
    name: string
    city: string
    state: string
    role: string
  }
  const asRow = ({ id, name, city, state, role }: Worker): Row => ({ candidate_id: id, name, city, state, role })
  /** A contract, and workers who meet it. */
  const contract = fc
    .record({
      city: fc.nat(2),
      role: fc.nat(1),
      order: fc.infiniteStream(fc.nat()),
      count: fc.integer({ min: 1, max: 4 }),
    })
    .map(({ city, role, order, count }) => {
      const first = workers.find((_, index) => index % 3 === city && index % 2 === role)!
      const fitting = workers.filter(
        (one) => one.city === first.city && one.role === first.role && one.status === 'active',
      )
      const chosen = fitting
        .map((worker) => ({ worker, at: order.next().value }))
        .sort((a, b) => a.at - b.at)
        .slice(0, count)
        .map(({ worker }) => worker)
      const options = { target_count: count, city: first.city, state: first.state, role: first.role }
      return { options, rows: chosen.map(asRow), spare: fitting.find((one) => !chosen.includes(one))! }
    })
  const other = (test: (worker: Worker) => boolean): Worker =>
    workers.find((one) => one.status === 'active' && test(one))!

  type Given = { options: { city: string; state: string; role: string }; rows: readonly Row[]; spare: Worker }
  /** What a careless writer changes, and what is to be said of it. */
  const mutations: Readonly<
    Record<string, { code: string; changed: (given: Given, at: number) => readonly unknown[] }>
  > = {
    'a phantom id': {
      code: 'Consistency phantom-id',
      changed: ({ rows }, at) => rows.with(at, { ...rows[at]!, candidate_id: 'W-0' }),
    },
    'an id with other letters': {
      code: 'Consistency phantom-id',
      changed: ({ rows }, at) => rows.with(at, { ...rows[at]!, candidate_id: rows[at]!.candidate_id.toLowerCase() }),
    },
    'a worker of another city': {
      code: 'Consistency city-mismatch',
      changed: ({ rows, options }, at) => rows.with(at, asRow(other(({ city }) => city !== options.city))),
    },
    'a worker of another state': {
      code: 'Consistency state-mismatch',
      changed: ({ rows, options }, at) => rows.with(at, asRow(other(({ state }) => state !== options.state))),
    },
    'a worker of another role': {
      code: 'Consistency role-mismatch',
      changed: ({ rows, options }, at) =>
        rows.with(at, asRow(other(({ role, city }) => role !== options.role && city === options.city))),
    },
    'another name said': {
      code: 'Consistency name-mismatch',
      changed: ({ rows }, at) => rows.with(at, { ...rows[at]!, name: 'Nobody Else' }),
    },
    'another city said': {
      code: 'Consistency city-mismatch',
      changed: ({ rows }, at) => rows.with(at, { ...rows[at]!, city: 'Springfield' }),
    },
    'one too few': { code: 'Completeness wrong-count', changed: ({ rows }, at) => rows.toSpliced(at, 1) },
    'one too many': {
      code: 'Completeness wrong-count',
      changed: ({ rows, spare }, at) => rows.toSpliced(at, 0, asRow(spare)),
    },
    'one twice': { code: 'Consistency duplicate-id', changed: ({ rows }, at) => [...rows, rows[at]!] },
  }

  test('a fill passes and is grounded', async () => {
    await fc.assert(
      fc.asyncProperty(contract, async ({ options, rows }) => {
        const findings = await judge({ fills: rows }, options)
        expect(findings).toEqual([])
        expect(groundedInRoster('fill', findings)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  test.for(Object.entries(mutations))('%s is reported by its kind', async ([, { code, changed }]) => {
    await fc.assert(
      fc.asyncProperty(contract, fc.nat(), async (given, index) => {
        const fills = changed(given, index % given.rows.length)
        const findings = await judge({ fills }, given.options)
        expect(codesOf(findings)).toContain(code)
        if (fills.length > 0) expect(groundedInRoster('fill', findings)).toBe(!code.includes('phantom'))
      }),
      { numRuns: 25 },
    )
  })
})
