/** How a process is named: by its name others tell whether its lock says anything about it. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { assemble } from '#infra/assemble.ts'
import { readConfig } from '#infra/config/config.ts'

test('processes of one machine with data folders of their own know nothing of each other by their locks', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-assemble-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const places: string[] = []
  for (const data of ['one', 'one', 'another']) {
    const { config } = readConfig({ env: { LATTICE_DATA: join(folder, data) }, folder })
    const { given, close } = await assemble(config, () => {})
    places.push(given.settings.worker.split('.')[0] ?? '')
    await given.log.close()
    await close()
  }
  expect(places[0]).toBe(places[1])
  expect(places[2]).not.toBe(places[0])
})

test('a data folder that is made is its owner’s alone: every prompt and answer is in it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-assemble-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { config } = readConfig({ env: { LATTICE_DATA: join(folder, 'data') }, folder })
  const { given, close } = await assemble(config, () => {})
  expect(statSync(config.data).mode & 0o077).toBe(0)
  await given.log.close()
  await close()
})
