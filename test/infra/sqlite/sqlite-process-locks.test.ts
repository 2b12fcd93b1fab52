/**
 * Process locks: one holder at a time, freed by a kill, kept by a pause.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSqliteProcessLocks } from '#infra/sqlite/sqlite-process-locks.ts'

const childFile = fileURLToPath(new URL('./lock-child.ts', import.meta.url))
let folder = ''
let children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-locks-'))
})

afterEach(async () => {
  await Promise.all(children.map((child) => end(child, 'SIGKILL')))
  children = []
  rmSync(folder, { recursive: true })
})

async function otherProcess(name: string): Promise<{ child: ChildProcess; says: string }> {
  const child = spawn(process.execPath, [childFile, folder, name], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, says: said.toString().trim() }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

test('a name has one holder, and is free again after release', () => {
  const locks = openSqliteProcessLocks(folder)
  expect(locks.isHeld('store/lookup')).toBe(false)
  const lock = locks.tryAcquire('store/lookup')
  expect(lock).toBeDefined()
  expect(locks.isHeld('store/lookup')).toBe(true)
  expect(locks.tryAcquire('store/lookup')).toBeUndefined()
  expect(openSqliteProcessLocks(folder).tryAcquire('store/lookup')).toBeUndefined()
  expect(locks.tryAcquire('store/search')).toBeDefined()
  lock?.release()
  lock?.release()
  expect(locks.isHeld('store/lookup')).toBe(false)
  expect(locks.tryAcquire('store/lookup')).toBeDefined()
})

test('a file its holder removed is made anew, and has one holder again', () => {
  const locks = openSqliteProcessLocks(folder)
  const lock = locks.tryAcquire('process-gone')
  rmSync(join(folder, 'process-gone.lock'))
  expect(locks.isHeld('process-gone')).toBe(false)
  lock?.release()
  expect(locks.tryAcquire('process-gone')).toBeDefined()
  expect(locks.tryAcquire('process-gone')).toBeUndefined()
  expect(locks.isHeld('process-gone')).toBe(true)
})

test('another process is refused, and refuses, until it is killed', async () => {
  const locks = openSqliteProcessLocks(folder)
  const { child, says } = await otherProcess('worker')
  expect(says).toBe('held')
  expect(locks.isHeld('worker')).toBe(true)
  expect(locks.tryAcquire('worker')).toBeUndefined()
  await end(child, 'SIGKILL')
  expect(locks.isHeld('worker')).toBe(false)
  expect(locks.tryAcquire('worker')).toBeDefined()
  expect((await otherProcess('worker')).says).toBe('refused')
})

test('a stopped process keeps its lock', async () => {
  const locks = openSqliteProcessLocks(folder)
  const { child } = await otherProcess('worker')
  child.kill('SIGSTOP')
  expect(locks.isHeld('worker')).toBe(true)
  expect(locks.tryAcquire('worker')).toBeUndefined()
  await end(child, 'SIGKILL')
  expect(locks.tryAcquire('worker')).toBeDefined()
})

test('asking whether a lock is held frees nothing and never keeps another from taking it', () => {
  const locks = openSqliteProcessLocks(folder)
  const lock = locks.tryAcquire('a')
  for (let i = 0; i < 50; i += 1) expect(locks.isHeld('a')).toBe(true)
  expect(locks.tryAcquire('a')).toBeUndefined()
  lock?.release()
  for (let i = 0; i < 50; i += 1) {
    expect(locks.isHeld('a')).toBe(false)
    const again = locks.tryAcquire('a')
    expect(again).toBeDefined()
    again?.release()
  }
})

test('a lock is kept though whoever took it forgot it', () => {
  const forget = (): boolean => openSqliteProcessLocks(folder).tryAcquire('a') !== undefined
  expect(forget()).toBe(true)
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i += 1) collectGarbage()
  expect(openSqliteProcessLocks(folder).isHeld('a')).toBe(true)
})
