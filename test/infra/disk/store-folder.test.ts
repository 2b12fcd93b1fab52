/** Builds of stores: which one is current, also when building, promoting and removing is killed (R7). */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStoreFolder } from '#infra/disk/store-folder.ts'
import type { StoreBuilds } from '#processors/ports/store-builds.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'

let root: string
let builds: StoreBuilds
let made: number

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lattice-builds-'))
  made = 0
  builds = openStoreFolder({ root, newId: () => `id-${made++}` })
})
afterEach(() => {
  rmSync(root, { recursive: true })
})

describe('a store', () => {
  test('nobody has built has no builds', () => {
    expect(builds.list('lookup')).toEqual([])
    expect(builds.current('lookup')).toBeUndefined()
    expect(builds.previous('lookup')).toBeUndefined()
  })

  test('has the build that was promoted last, and the one before it to roll back to', () => {
    const [one, two] = [builds.create('lookup', 9), builds.create('lookup', 10)]
    expect(builds.current('lookup')).toBeUndefined()
    builds.promote(one)
    expect([builds.current('lookup'), builds.previous('lookup')]).toEqual([one, undefined])
    builds.promote(two)
    expect([builds.current('lookup'), builds.previous('lookup')]).toEqual([two, one])
    builds.promote(two)
    expect([builds.current('lookup'), builds.previous('lookup')]).toEqual([two, one])
    builds.promote(one)
    expect([builds.current('lookup'), builds.previous('lookup')]).toEqual([one, two])
    expect(builds.list('lookup')).toEqual([one, two])
    expect(openStoreFolder({ root, newId: () => '' }).current('lookup')).toEqual(one)
  })

  test('is dropped by deleting its build', () => {
    const build = builds.create('lookup', 1)
    builds.promote(build)
    rmSync(build.folder, { recursive: true })
    expect(builds.current('lookup')).toBeUndefined()
    expect(builds.list('lookup')).toEqual([])
    expect(() => builds.promote(build)).toThrow(expect.objectContaining({ code: 'store.unknown' }))
  })

  test('with a pointer nobody can read asks for a rebuild', () => {
    builds.promote(builds.create('lookup', 1))
    writeFileSync(join(root, 'lookup/current'), 'garbage')
    expect(() => builds.current('lookup')).toThrow(expect.objectContaining({ code: 'store.rebuild-required' }))
  })

  test.for(['', '..', 'a/b', '.hidden', 'UPPER'])('cannot be called %j', (name) => {
    expect(() => builds.create(name, 1)).toThrow(expect.objectContaining({ code: 'store.unknown' }))
  })

  test('does not see the builds of another', () => {
    builds.promote(builds.create('warehouse', 1))
    expect(builds.current('lookup')).toBeUndefined()
  })
})

describe('removing a build', () => {
  test('deletes its folder, and never the current one', () => {
    const [one, two] = [builds.create('lookup', 1), builds.create('lookup', 1)]
    builds.promote(one)
    builds.promote(two)
    expect(() => builds.remove(two)).toThrow(expect.objectContaining({ code: 'store.locked' }))
    builds.remove(one)
    expect(existsSync(one.folder)).toBe(false)
    expect(builds.list('lookup')).toEqual([two])
    expect(builds.previous('lookup')).toBeUndefined()
    builds.remove(one)
  })

  test('that was cut short is finished by the next call, and the build counts as gone at once', () => {
    const [one, two] = [builds.create('lookup', 1), builds.create('lookup', 1)]
    builds.promote(one)
    builds.promote(two)
    writeFileSync(join(one.folder, 'database'), 'half deleted')
    writeFileSync(join(root, 'lookup', 'removed-1-id-0'), '')
    expect(builds.previous('lookup')).toBeUndefined()
    expect(builds.list('lookup')).toEqual([two])
    const three = builds.create('lookup', 1)
    expect(readdirSync(join(root, 'lookup')).sort()).toEqual(['1-id-1', '1-id-2', 'current'])
    expect(builds.list('lookup')).toEqual([two, three])
  })

  test('takes nothing but builds for a build', () => {
    builds.promote(builds.create('lookup', 1))
    for (const name of ['removed-', 'removed-current', 'removed-..', '.123.tmp']) {
      writeFileSync(join(root, 'lookup', name), '')
    }
    builds.create('lookup', 1)
    expect(builds.current('lookup')?.id).toBe('id-0')
    expect(builds.list('lookup').map(({ id }) => id)).toEqual(['id-0', 'id-1'])
  })
})

test('killed at any moment of building, promoting and removing, the current build is a whole one', async () => {
  let last = ''
  for (let round = 0; round < 8; round++) {
    await runAndKill(import.meta.resolve('#test/crash/build-promoter.ts'), [root], randomMs(60))
    const current = builds.current('lookup')
    expect(readFileSync(join(current?.folder ?? '', 'whole'), 'utf8')).toBe('yes')
    expect((current?.id ?? '') > last).toBe(true)
    last = current?.id ?? ''
  }
})
