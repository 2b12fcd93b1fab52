/** What a model is told of its refused answer, by kind. */
import { expect, test } from 'vitest'
import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { feedback } from '#processors/runs/feedback.ts'
import { judged, submitted, wrongCity } from '#test/processors/kinds/iterate/iterate-script.ts'
import { fold, happened } from './run-script.ts'

const claimCheck = { open: (text: unknown) => Promise.resolve(text) } as ClaimCheck
const begun = [submitted('Fill', 'trace'), happened.started(), happened.attempted(1)]

test('before anything is judged: nothing', async () => {
  expect(await feedback(fold(begun), claimCheck)).toEqual([])
  expect(await feedback(fold([...begun, happened.failed(1)]), claimCheck)).toEqual([])
})

test('an iterate run: the structured errors as JSON, behind the answer', async () => {
  const run = fold([...begun, happened.answered(1, { content: '{"fills":[]}' }), judged(1, { findings: [wrongCity] })])
  const [answer, correction] = await feedback(run, claimCheck)
  expect(answer).toEqual({ role: 'assistant', content: '{"fills":[]}' })
  expect(correction?.content).toContain(JSON.stringify([wrongCity]))
})

test('an iterate run without JSON: that there was none', async () => {
  const noJson = { kind: 'Syntax', code: 'no-json', message: 'none', path: null }
  const run = fold([...begun, happened.answered(1), judged(1, { findings: [noJson] })])
  expect((await feedback(run, claimCheck))[1]?.content).toContain("your response wasn't valid JSON")
})

test('a task: in words', async () => {
  const task = [happened.submitted({ validator: 'fill' }), happened.started(), happened.attempted(1)]
  const run = fold([...task, happened.answered(1), judged(1, { findings: [wrongCity] })])
  expect((await feedback(run, claimCheck))[1]?.content).toContain(`- Consistency: ${wrongCity.message}`)
})
