/** The file that remembers schema ids. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openRegistryMemory } from '#infra/registry/registry-memory.ts'
import { isFailure } from '#processors/ports/failure.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'registry-'))
  onTestFinished(async () => await rm(path, { recursive: true }))
  return path
}

it('remembers over a restart, in the order of the ids, and leaves no half file behind', async () => {
  const path = join(await folder(), 'deep', 'ids.json')
  const memory = await openRegistryMemory(path)
  await memory.remember({ id: 7, subject: 's', schema: '"string"' })
  await memory.remember({ id: 3, subject: 't', schema: '"int"' })
  const again = await openRegistryMemory(path)
  expect(again.all.map(({ id }) => id)).toEqual([3, 7])
  expect([again.idOf('s', '"string"'), again.idOf('t', '"string"'), again.schemaOf(3)]).toEqual([7, undefined, '"int"'])
  expect(await readdir(join(path, '..'))).toEqual(['ids.json'])
})

it('without a path it remembers as long as it is open', async () => {
  const memory = await openRegistryMemory(undefined)
  await memory.remember({ id: 1, subject: 's', schema: '"string"' })
  expect(memory.idOf('s', '"string"')).toBe(1)
})

it('refuses a file of a newer version by name', async () => {
  const path = join(await folder(), 'ids.json')
  await writeFile(path, '{"format":2,"schemas":[]}')
  const refused = await openRegistryMemory(path).catch((error: unknown) => error)
  expect(isFailure(refused, 'log.newer')).toBe(true)
})
