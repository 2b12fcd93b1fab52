/** Where events go, as the command says it. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { eventTypes } from '#schemas/catalog.ts'
import { readHandlers, routeOf } from '#scripts/route.ts'

const root = join(import.meta.dirname, '..', '..')
const route = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [join(root, 'scripts/route.ts'), ...args])
const handlers = await readHandlers()

test('an event is followed from who makes it to its table', () => {
  const { topic, table, emittedBy, foldedBy, actedOnBy } = routeOf('task.submitted', handlers)
  expect({ topic, table }).toEqual({ topic: 'runs.v1', table: 'task_submitted' })
  expect(emittedBy.join(' ')).toMatch(/processors\/kinds\/submit-run\.command\.ts:\d+/)
  expect(foldedBy).toEqual(expect.arrayContaining(['lookup/runs', 'warehouse']))
  expect(actedOnBy.join(' ')).toContain('work-tasks')
})

test.for(eventTypes)('%s has versions that exist, a place to be made and a place to be kept', (type) => {
  const { versions, emittedBy, foldedBy } = routeOf(type, handlers)
  expect(versions.filter((path) => !existsSync(join(root, path)))).toEqual([])
  expect(foldedBy).toContain('warehouse')
  // Erasing an object is an operator's act that has no command yet.
  expect(emittedBy.length > 0).toBe(type !== 'object.erased')
})

test('a type that mentions an event does not emit it', () => {
  expect(routeOf('attempt.completed', handlers).emittedBy).toEqual([expect.stringMatching(/attempt\.step\.ts:\d+$/)])
})

test('--help says what it takes, and exits with 0', async () => {
  expect((await route('--help')).stdout).toContain('npm run route -- [event]')
})

test('an event nobody knows lists those that are, and exits with 2', async () => {
  const failed = await route('run.finished').then(
    () => undefined,
    (error: unknown) => error as { code: number; stderr: string; stdout: string },
  )
  expect(failed?.code).toBe(2)
  expect(failed?.stderr).toContain('There is no event run.finished')
  expect(failed?.stderr).toContain('  run.completed\n')
  expect(failed?.stdout).toBe('')
})

test('without an event there is a line for each', async () => {
  const { stdout } = await route()
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(['event', ...eventTypes])
})
