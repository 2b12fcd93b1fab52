/** A budget over a serving process that is killed in the middle of a call. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { startFakeOpenAiProcess } from '#test/fakes/openai-server-process.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { createWorld, ended, eventsOf, post, send } from './served.ts'

const toml = `
[prices."openai/paid"]
input = 1
output = 1
max_output = 1000

[budgets.all]
usd = 0.0022
period = "total"
`

interface Shown {
  readonly heldMicroUsd: number
  readonly settledMicroUsd: number
  readonly granted: number
}

async function budget({ url }: ServingProcess): Promise<Shown> {
  const { budgets } = (await (await fetch(`${url}/v1/budgets`)).json()) as { budgets: Shown[] }
  return budgets[0] ?? { heldMicroUsd: -1, settledMicroUsd: -1, granted: -1 }
}

describe('embedded log', () => {
  test('[budget.exact] what a killed call held is charged whole, the next one at its cost, and nothing stays held', async () => {
    await using model = await startFakeOpenAiProcess({ answer: 'a good answer' })
    const world = createWorld({
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: 'key-of-the-budgets-test',
      LATTICE_PROVIDER: 'openai',
      LATTICE_MODEL: 'paid',
      LATTICE_USE_RAG: '0',
      LATTICE_LOG_LEVEL: 'warn',
    })
    try {
      writeFileSync(join(world.folder, 'lattice.toml'), toml)
      const first = await world.serve()
      await model.script({ script: ['hang-before-headers'] })
      const task = await post(first, { prompt: 'hello' })
      await eventually('no call', async () => (await model.callCount()) === 1, { deadlineMs: 20_000 })
      await first.kill('SIGKILL')

      const second = await world.serve()
      expect(await ended(second, task)).toMatchObject({ outcome: 'accepted' })
      const events = await eventsOf(second, task.runId)
      const held = events.find(({ type }) => type === 'attempt.started')?.data['reservedMicroUsd'] as number
      const cost = events.find(({ type }) => type === 'attempt.completed')?.data['costMicroUsd'] as number
      expect(held).toBeGreaterThan(1000)
      expect(events.find(({ type }) => type === 'attempt.failed')?.data).toMatchObject({
        code: 'lost',
        costMicroUsd: held,
      })

      let shown = await budget(second)
      await eventually(
        () => `money stays held: ${JSON.stringify(shown)}`,
        async () => (shown = await budget(second)).heldMicroUsd === 0,
        { deadlineMs: 40_000 },
      )
      expect(shown).toMatchObject({ settledMicroUsd: held + cost, granted: 2 })

      const refused = await send(second, { prompt: 'once more', maxTokens: 2000 })
      expect(refused.status).toBe(402)
      const printed = await world.lattice(['budgets', '--json'])
      expect(printed.code, printed.stderr).toBe(0)
      expect(JSON.parse(printed.stdout)).toMatchObject({ budgets: [{ name: 'all', settledMicroUsd: held + cost }] })
      expect((await world.lattice(['budgets'])).stdout).toContain('0.0022')
    } finally {
      world.close()
    }
  }, 120_000)
})
