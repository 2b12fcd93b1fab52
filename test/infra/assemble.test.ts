/** How a process is named: by its name others tell whether its lock says anything about it. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { assemble, openModels } from '#infra/assemble.ts'
import { readConfig } from '#infra/config/config.ts'
import { routeNamed } from '#processors/models/route-named.ts'

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

test('a data folder that can’t be made is settings.invalid, named, with what to set', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-assemble-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'file'), '')
  const { config } = readConfig({ env: { LATTICE_DATA: join(folder, 'file') }, folder })
  await expect(assemble(config, () => {})).rejects.toMatchObject({
    code: 'settings.invalid',
    message: expect.stringContaining(join(folder, 'file')),
    remedy: expect.stringContaining('LATTICE_DATA'),
  })
})

test('weak_models is a tier like the others: asked by its name, in its order, and an error that says so where it is empty', async () => {
  const weak = async (env: Readonly<Record<string, string>>) => {
    const { config } = readConfig({ env, folder: tmpdir() })
    const { models, close } = await openModels(config, { asked: false })
    await close()
    return () => routeNamed({ ...models, answering: new Map() }, { model: 'tier/weak_models' })
  }
  const named = await weak({ OPENAI_API_KEY: 'sk-weak', LATTICE_WEAK_MODELS: 'kimi/k,openai/small,ollama/tiny' })
  expect(named()).toEqual([
    { provider: 'openai', model: 'small' },
    { provider: 'ollama', model: 'tiny' },
  ])
  expect(await weak({})).toThrow('tier weak_models names no model')
})
