/** `playbook`: what it must have, and that whom it endorses exists. */
import { expect, test } from 'vitest'
import { groundedInRoster } from '#processors/validation/grounded.ts'
import { judgeAnswer } from '#processors/validation/judge-answer.ts'
import type { Finding, ValidatorOptions } from '#processors/validation/validator.ts'
import { rosterOfWorkers } from './workers.ts'

const roster = rosterOfWorkers()
const judge = (artifact: unknown, options: ValidatorOptions = {}): Promise<readonly Finding[]> =>
  judgeAnswer('playbook', JSON.stringify(artifact), { options, roster })

const good = {
  operation: 'fill: Welder x1 in Toledo, OH',
  steps: ['Search the roster', { action: 'Call', tool: 'phone' }, { description: 'Confirm' }],
  endorsed_names: ['Worker A No 1', 'worker g  no 7'],
  fingerprint: 'sha256:ab',
}
const toledo = { target_count: 1, city: 'Toledo', state: 'OH', role: 'Welder', fingerprint: 'sha256:ab' }

test('a whole one passes, with names in any letters, or ids', async () => {
  const findings = await judge(good, toledo)
  expect(findings).toEqual([])
  expect(groundedInRoster('playbook', findings)).toBe(true)
  const { fingerprint: _, ...without } = good
  expect(await judge({ ...without, endorsed_names: ['W-1'] })).toEqual([])
})

test.for([
  ['Schema wrong-shape', { operation: undefined }, '/operation'],
  ['Completeness missing', { operation: '  ' }, '/operation'],
  ['Schema wrong-shape', { operation: 'fill {{role}}' }, '/operation'],
  ['Schema wrong-shape', { operation: 'x'.repeat(201) }, '/operation'],
  ['Schema wrong-shape', { steps: undefined }, '/steps'],
  ['Schema wrong-shape', { steps: 'call' }, '/steps'],
  ['Completeness missing', { steps: [] }, '/steps'],
  ['Schema wrong-shape', { steps: ['call', ' '] }, '/steps/1'],
  ['Schema wrong-shape', { steps: ['TODO'] }, '/steps/0'],
  ['Schema wrong-shape', { steps: [{ tool: 'phone' }] }, '/steps/0'],
  ['Schema wrong-shape', { endorsed_names: 'Worker A No 1' }, '/endorsed_names'],
  ['Completeness nobody-named', { endorsed_names: [] }, '/endorsed_names'],
  ['Schema wrong-shape', { endorsed_names: [7] }, '/endorsed_names/0'],
  ['Consistency phantom-name', { endorsed_names: ['Worker A No 1', 'Jane Doe'] }, '/endorsed_names/1'],
  ['Consistency duplicate-name', { endorsed_names: ['Worker A No 1', 'WORKER A NO 1'] }, '/endorsed_names/1'],
  ['Consistency city-mismatch', { endorsed_names: ['Worker B No 2'] }, '/endorsed_names/0'],
  ['Consistency role-mismatch', { endorsed_names: ['Worker D No 4'] }, '/endorsed_names/0'],
  ['Completeness wrong-count', { endorsed_names: ['W-1', 'W-7', 'W-13'] }, '/endorsed_names'],
  ['Schema wrong-shape', { fingerprint: 7 }, '/fingerprint'],
  ['Consistency fingerprint-mismatch', { fingerprint: 'sha256:cd' }, '/fingerprint'],
] as const)('%s: %j', async ([code, change, path]) => {
  const findings = await judge({ ...good, ...change }, toledo)
  expect(findings.map((one) => `${one.kind} ${one.code} ${one.path}`)).toContain(`${code} ${path}`)
})
