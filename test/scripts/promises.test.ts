/** The matrix of promises, from results as a test run writes them. */
import { describe, expect, test } from 'vitest'
import { logs, matrixOf, printedMatrix, promises, type PromiseName } from '#scripts/promises.ts'
import type { TestResult } from '#scripts/test/results.ts'

type Given = readonly [file: string, name: string, state?: TestResult['state']]

function matrix(...given: Given[]) {
  const files = given.map(([file, name, state = 'passed']) => ({ file, tests: [{ name, state, durationMs: 1 }] }))
  return matrixOf({ finishedAt: '2026-11-21T00:00:00.000Z', filters: [], files, notRun: [] })
}

function states(promise: PromiseName, ...given: Given[]): string {
  const { cells } = matrix(...given)
  const signs = { proven: '✓', failed: '✗', 'not proven': '–' }
  return logs
    .map((log) => signs[cells.find((cell) => cell.promise === promise && cell.log === log)?.state ?? 'failed'])
    .join('')
}

const any = 'test/infra/any.test.ts'

test('there are fifteen promises', () => {
  expect(new Set(promises).size).toBe(15)
})

describe('a cell', () => {
  test('is proven on the log that a describe names', () => {
    expect(
      states('log.ordered', [any, 'event log: redis, three partitions > appending > [log.ordered] in order']),
    ).toBe('–✓–')
  })

  test('is proven on the log that the innermost describe names', () => {
    expect(states('log.same', [any, 'redis and kafka > embedded > [log.same] stops'])).toBe('✓––')
    expect(states('log.same', [any, 'embedded > redis and kafka > stops [log.same]'])).toBe('–✓✓')
  })

  test('is not proven on a log that only the title names', () => {
    expect(states('log.same', [any, 'somewhere > [log.same] like redis'])).toBe('–––')
  })

  test('is proven on the log of the suffix or the folder of a file whose describes name none', () => {
    expect(states('append.once', ['test/x/a.kafka.test.ts', '[append.once] a title of its own'])).toBe('––✓')
    expect(states('append.once', ['test/infra/embedded/a.test.ts', 'appending > [append.once] a title'])).toBe('✓––')
  })

  test('is proven by a describe that has the tag', () => {
    expect(states('run.single', [any, 'runs on embedded [run.single] > two owners'])).toBe('✓––')
  })

  test('of each promise a title names', () => {
    const given: Given = [any, 'redis > [append.survives] [append.once] a killed writer']
    expect(states('append.survives', given) + states('append.once', given)).toBe('–✓––✓–')
  })

  test('is failed when one of its tests failed', () => {
    const given: Given[] = [
      [any, 'redis > [log.same] one'],
      [any, 'redis > [log.same] other', 'failed'],
    ]
    expect(states('log.same', ...given)).toBe('–✗–')
  })

  test('is not proven by a test that was skipped', () => {
    expect(states('log.same', [any, 'redis > [log.same] one', 'skipped'])).toBe('–––')
  })

  test('is failed on every log by a failed test of no log', () => {
    const given: Given[] = [
      [any, 'redis > [run.single] one'],
      [any, '[run.single] a law', 'failed'],
    ]
    expect(states('run.single', ...given)).toBe('✗✗✗')
  })
})

test('a passed test of no log proves nothing, and is named', () => {
  const given: Given = [any, '[run.single] a law']
  expect(states('run.single', given)).toBe('–––')
  expect(matrix(given).onNoLog).toMatchObject([{ test: '[run.single] a law' }])
})

test('a tag that is no promise, and a promise without brackets, are told', () => {
  const { misspelt } = matrix([any, 'redis > [apend.once] one'], [any, 'redis > append.once: two'])
  expect(misspelt).toEqual([
    expect.stringContaining('[apend.once]'),
    expect.stringContaining('append.once proves nothing'),
  ])
})

test('the matrix is printed with its counts, and with its tests when asked', () => {
  const made = matrix(
    [any, 'redis > [log.same] one'],
    [any, 'redis > [log.same] two', 'skipped'],
    [any, 'kafka > [log.same] three', 'failed'],
  )
  const text = printedMatrix(made, { verbose: false })
  expect(text).toMatch(/log\.same\s+–\s+✓ 1, 1 skipped\s+✗ 1 of 1/)
  expect(text).toContain('1 proven, 1 failed, 43 not proven')
  expect(text).not.toContain('three')
  expect(printedMatrix(made, { verbose: true })).toContain(`kafka: ✗ kafka › [log.same] three (${any})`)
})
