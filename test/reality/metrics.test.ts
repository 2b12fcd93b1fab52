/** What `/metrics` of a really serving process says of its stores, those of the main thread and those of the other one. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { createWorld, ended, post } from '#test/reality/served.ts'
import type { World } from '#test/reality/served.ts'

let model: FakeOpenAi
let world: World
beforeEach(async () => {
  model = await startFakeOpenAi({ answer: 'forty-two' })
  world = createWorld({
    LATTICE_PROVIDER: 'openai',
    OPENAI_API_KEY: 'sk-not-a-real-key',
    OPENAI_BASE_URL: model.url,
  })
})
afterEach(async () => {
  world.close()
  await model.close()
})

test('how much each store has folded, how far, and how far behind the log it is', async () => {
  const serving = await world.serve()
  await ended(serving, await post(serving, { prompt: 'What is six times seven?' }))
  const { stores } = (await (await fetch(`${serving.url}/v1/stores`)).json()) as {
    stores: { name: string; partitions: { topic: string }[] }[]
  }
  const ofRuns = stores
    .filter(({ partitions }) => partitions.some(({ topic }) => topic === 'runs.v1'))
    .map(({ name }) => name)
  // Of the main thread and of the stores' thread.
  expect(ofRuns).toEqual(expect.arrayContaining(['lookup', 'warehouse', 'folders']))

  let text = ''
  const sum = (name: string, store: string): number =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{store="${store}",topic="runs.v1"`))
      .reduce((all, line) => all + Number(line.split(' ').at(-1)), 0)
  await eventually(
    () =>
      text
        .split('\n')
        .filter((line) => line.startsWith('lattice_store_'))
        .join('\n'),
    async () => {
      text = await (await fetch(`${serving.url}/metrics`)).text()
      return ofRuns.every((store) => {
        const folded = sum('lattice_store_folded_records_total', store)
        const lag = sum('lattice_store_lag_records', store)
        return folded >= 6 && folded === sum('lattice_store_next_offset', store) && lag === 0
      })
    },
    { deadlineMs: 30_000 },
  )
}, 60_000)
