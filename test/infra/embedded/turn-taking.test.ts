/**
 * Turn taking: a writer knows of one that waits, for a moment, and a writer that has the log for itself never pauses.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { TurnTaking } from '#infra/embedded/turn-taking.ts'
import { eventually } from '#test/contracts/eventually.ts'

let folder = ''
let path = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-turn-'))
  path = join(folder, 'log.turn')
})

afterEach(() => rmSync(folder, { recursive: true }))

test('nobody is awaited in a new folder, nor one moment after somebody waited', async () => {
  const [writer, waiting] = [new TurnTaking(path), new TurnTaking(path)]
  expect(writer.isAwaited()).toBe(false)
  waiting.wait()
  expect(writer.isAwaited()).toBe(true)
  await eventually('it is forgotten', () => !writer.isAwaited(), { deadlineMs: 2_000 })
})

test('one who goes on waiting goes on being awaited', async () => {
  const [writer, waiting] = [new TurnTaking(path), new TurnTaking(path)]
  waiting.wait()
  await eventually('the first sign is old', () => !writer.isAwaited(), { everyMs: 1 })
  waiting.wait()
  expect(writer.isAwaited()).toBe(true)
})

test('where no sign can be made, waiting still does not fail', () => {
  rmSync(folder, { recursive: true })
  const turns = new TurnTaking(path)
  turns.wait()
  expect(turns.isAwaited()).toBe(false)
  mkdirSync(folder)
})
