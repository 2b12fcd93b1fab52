/** The set-up is silent and idle where node_modules is right, and notices where it is not. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-setup-'))
  mkdirSync(join(folder, 'scripts'))
  cpSync(join(import.meta.dirname, '../../scripts/setup.js'), join(folder, 'scripts', 'setup.js'))
  mkdirSync(join(folder, 'node_modules/node/bin'), { recursive: true })
  writeFileSync(join(folder, 'node_modules/node/bin/node'), '')
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
})
afterEach(() => rmSync(folder, { recursive: true }))

function lock(file: string, packages: Record<string, object>): void {
  writeFileSync(join(folder, file), JSON.stringify({ packages }))
}

/** Runs the set-up with an `npm` that only says how it was called, on stdout as npm itself would. */
function setUp(...args: string[]) {
  const npm = join(folder, 'npm')
  writeFileSync(npm, '#!/bin/sh\necho "called: npm $*"\n', { mode: 0o755 })
  return spawnSync(process.execPath, [join(folder, 'scripts', 'setup.js'), ...args], {
    env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
    encoding: 'utf8',
  })
}

const a = { version: '1.0.0', integrity: 'sha512-a' }

test('does nothing and prints nothing where node_modules is what the lockfile says', () => {
  lock('package-lock.json', { '': {}, 'node_modules/a': a, 'node_modules/other-os': { ...a, optional: true } })
  lock('node_modules/.package-lock.json', { 'node_modules/a': a })
  expect(setUp()).toMatchObject({ status: 0, stdout: '', stderr: '' })
})

test.for([
  ['nothing is installed yet', undefined],
  ['a package is missing', {}],
  ['a package has another version', { 'node_modules/a': { ...a, version: '1.0.1' } }],
  ['a package has other content', { 'node_modules/a': { ...a, integrity: 'sha512-b' } }],
] as const)('runs npm ci when %s, and keeps stdout for the command that follows', ([, installed]) => {
  lock('package-lock.json', { '': {}, 'node_modules/a': a })
  if (installed !== undefined) lock('node_modules/.package-lock.json', installed)
  const done = setUp()
  expect(done).toMatchObject({ status: 0, stdout: '' })
  expect(done.stderr).toContain('called: npm ci')
})

test('takes an installation without development packages for enough to run, not to test', () => {
  lock('package-lock.json', { '': {}, 'node_modules/a': a, 'node_modules/tool': { ...a, dev: true } })
  lock('node_modules/.package-lock.json', { 'node_modules/a': a })
  expect(setUp('--runtime').stderr).toBe('')
  expect(setUp().stderr).toContain('node_modules/tool is missing')
})

test('ends as npm ci ends', () => {
  lock('package-lock.json', { 'node_modules/a': a })
  const npm = join(folder, 'npm')
  writeFileSync(npm, '#!/bin/sh\nexit 7\n', { mode: 0o755 })
  const done = spawnSync(process.execPath, [join(folder, 'scripts', 'setup.js')], {
    env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
    encoding: 'utf8',
  })
  expect(done.status).toBe(7)
  expect(done.stderr).toContain('npm ci failed')
})
