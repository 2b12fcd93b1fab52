/** `/v1/budgets`, and what a task is told when nobody would pay for it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-budgets-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const paid = `
  [prices."openai/paid"]
  input = 1
  output = 1
  max_output = 500
`
const env = { LATTICE_MODEL: 'paid', LATTICE_USE_RAG: '0' }

function served(toml: string, more: Record<string, string> = {}): Promise<Serving> {
  writeFileSync(join(folder, 'lattice.toml'), toml)
  return serving({ folder, env: { ...env, ...more } })
}

async function ended(server: Serving, body: object = {}): Promise<{ outcome: string; costMicroUsd: number }> {
  const posted = await server.ask('/v1/tasks', { method: 'POST', body: { prompt: 'hello', ...body } })
  expect(posted.status, posted.text).toBe(202)
  return done(server, posted)
}

function done(server: Serving, posted: Answer): Promise<{ outcome: string; costMicroUsd: number }> {
  return eventually('the run is done', async () => {
    const { json } = await server.ask(`/v1/runs/${posted.json.runId}`)
    return json.status === 'done' ? json : undefined
  })
}

/** The budgets, once no call holds money. */
async function settled(server: Serving) {
  return eventually('every call is settled', async () => {
    const { json } = await server.ask('/v1/budgets')
    const { budgets } = json as { budgets: Record<string, unknown>[] }
    return budgets.every((one) => one['heldMicroUsd'] === 0) && budgets.some((one) => one['granted'] !== 0)
      ? budgets
      : undefined
  })
}

describe('without a budget', () => {
  test('there is none, and nothing is on budgets.v1, though the cost of a run is known', async () => {
    await using server = await served(paid)
    expect((await server.ask('/v1/budgets')).json).toEqual({ budgets: [] })
    const run = await ended(server)
    expect(run.costMicroUsd).toBeGreaterThan(0)
    expect((await server.lattice.given.log.bounds('budgets.v1'))[0]?.next).toBe(0)
  })
})

describe('with a budget', () => {
  test('a call is held, then settled at what it did cost, in each budget that counts it', async () => {
    await using server = await served(
      `${paid}
      [budgets.team]
      usd = 0.5
      period = "month"
      tag = "team=a"
      [budgets.other]
      usd = 1
      period = "total"
      model = "groq/*"`,
      { LLM_BUDGET_USD: '2.5' },
    )
    const run = await ended(server, { tags: { team: 'a' } })
    const budgets = await settled(server)
    expect(budgets).toMatchObject([
      { name: 'llm', every: 'day', limitUsd: '2.50', settledMicroUsd: run.costMicroUsd, granted: 1 },
      { name: 'team', every: 'month', tag: 'team=a', settledMicroUsd: run.costMicroUsd, granted: 1 },
      { name: 'other', period: 'total', settledMicroUsd: 0, granted: 0, resetsAt: null, leftUsd: '1.00' },
    ])
    expect(budgets[0]?.['leftMicroUsd']).toBe(2_500_000 - run.costMicroUsd)
    const { json } = await server.ask('/v1/budgets/llm/periods?limit=1')
    expect(json).toMatchObject({ periods: [{ settledMicroUsd: run.costMicroUsd }], next: null })
  })

  test('a call that fails unpaid takes nothing from it', async () => {
    await using server = await served(paid, { LLM_BUDGET_USD: '1' })
    server.models.always({ fault: 'status', status: 401 })
    expect(await ended(server)).toMatchObject({ outcome: 'failed', costMicroUsd: 0 })
    expect(await settled(server)).toMatchObject([{ granted: 1, settledMicroUsd: 0, leftUsd: '1.00' }])
  })

  test('one that is spent answers 402 with its limit and when it starts anew, also after a restart', async () => {
    const toml = `${paid}\n[budgets.small]\nusd = 0.0006\nperiod = "total"`
    const ask = (server: Serving) => server.ask('/v1/tasks', { method: 'POST', body: { prompt: 'hello' } })
    let runs = 0
    {
      await using first = await served(toml)
      await ended(first)
      let answer = await ask(first)
      while (answer.status === 202 && runs < 20) {
        await done(first, answer)
        await settled(first)
        runs += 1
        answer = await ask(first)
      }
      expect(answer).toMatchObject({ status: 402, code: 'budget.spent' })
      expect(answer.json.detail).toContain('budget small of 0.0006 USD')
      expect(answer.json.detail).toContain('it never starts anew')
    }
    await using again = await served(toml)
    expect(await ask(again)).toMatchObject({ status: 402, code: 'budget.spent' })
    expect(again.models.calls).toHaveLength(0)
  })

  test('a model of unknown price, or whose answer nothing limits, is not asked', async () => {
    await using server = await served(`[prices."openai/endless"]\ninput = 1\noutput = 1`, { LLM_BUDGET_USD: '1' })
    const ask = (model: string, body: object = {}) =>
      server.ask('/v1/tasks', { method: 'POST', body: { prompt: 'hello', model, ...body } })
    const unknown = await ask('paid')
    expect(unknown).toMatchObject({ status: 402, code: 'budget.unpriced' })
    expect(JSON.stringify(unknown.json)).toContain(JSON.stringify('[prices."openai/paid"]\ninput = ').slice(1, -1))
    const endless = await ask('endless')
    expect(endless).toMatchObject({ status: 402, code: 'budget.unpriced' })
    expect(endless.json.detail).toContain('nothing limits the answer of openai/endless')
    expect((await ask('endless', { maxTokens: 10 })).status).toBe(202)
    expect(server.models.calls.length).toBeLessThanOrEqual(1)
  })
})
