/** What is generated is committed, and says what the schemas say. */
import { expect, test } from 'vitest'
import { generatedFiles, staleFiles } from '#scripts/generate.ts'

test('the committed generated files are what the .avsc files give', () => {
  expect(staleFiles().map(({ path }) => path)).toEqual([])
})

test('generating twice gives the same text', () => {
  expect(generatedFiles()).toEqual(generatedFiles())
})

test('every event type has a TypeScript type with the docs of its schema', () => {
  const types = generatedFiles().find(({ path }) => path === 'schemas/generated.ts')?.content
  expect(types).toContain("readonly 'attempt.completed': AttemptCompleted")
  expect(types).toContain('  /** Text of the answer. */\n  readonly content: string | ObjectRef\n')
  expect(types).toContain("export type Outcome = 'accepted' | 'rejected' | 'failed' | 'cancelled' | 'abandoned'")
})
