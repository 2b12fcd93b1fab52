/**
 * What a test run came to, counted by tests.
 *
 * A file that could not be loaded and an error outside every test each count as one failure, so a run in which
 * something went wrong never reads `0 failed`.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { TestRunResult } from 'vitest/node'

export interface TestResult {
  readonly name: string
  readonly state: 'passed' | 'failed' | 'skipped'
  readonly durationMs: number
}

export interface FileResult {
  /** From the repository's root. */
  readonly file: string
  readonly tests: readonly TestResult[]
}

export interface NotRun {
  readonly file: string
  readonly reason: string
}

export interface Results {
  readonly finishedAt: string
  readonly filters: readonly string[]
  /** `-t`: tests whose names do not match it count as skipped. */
  readonly pattern?: string
  readonly files: readonly FileResult[]
  readonly notRun: readonly NotRun[]
}

export const root = join(import.meta.dirname, '..', '..')
/** Where the last run's results are kept, for `npm run promises`. */
export const resultsFile = join(root, 'node_modules', '.cache', 'lattice', 'test-results.json')

export function collect(run: TestRunResult): readonly FileResult[] {
  const files = run.testModules.map((module) => {
    const tests: TestResult[] = [...module.children.allTests()].map((test) => ({
      name: test.fullName,
      state: stateOf(test.result().state),
      durationMs: Math.round(test.diagnostic()?.duration ?? 0),
    }))
    const broken = module.state() === 'failed' && !tests.some((test) => test.state === 'failed')
    if (broken) tests.push({ name: 'loads and sets up', state: 'failed', durationMs: 0 })
    return { file: relative(root, module.moduleId), tests }
  })
  const outside = run.unhandledErrors.map(() => failed('an error outside every test'))
  return outside.length === 0 ? files : [...files, { file: 'unhandled', tests: outside }]
}

export function failed(name: string): TestResult {
  return { name, state: 'failed', durationMs: 0 }
}

/** The closing line: `N passed, N failed, N skipped`. */
export function closingLine(files: readonly FileResult[]): string {
  const tests = files.flatMap((file) => file.tests)
  const count = (state: TestResult['state']) => tests.filter((test) => test.state === state).length
  return `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`
}

export async function keep(results: Results): Promise<void> {
  await mkdir(dirname(resultsFile), { recursive: true })
  await writeFile(resultsFile, `${JSON.stringify(results, null, 1)}\n`)
}

/** A test that is still pending when the run ends did not prove anything: it counts as failed. */
function stateOf(state: string): TestResult['state'] {
  return state === 'passed' || state === 'skipped' ? state : 'failed'
}
