/** Who is planned to be asked while providers rest, and what a run does when nobody can be. */
import { expect, test } from 'vitest'
import type { ModelProvider } from '#processors/ports/model-provider.ts'
import { whileResting } from '#processors/runs/decide.ts'
import { type AwakePorts, planAwake } from '#processors/runs/plan-awake.ts'
import type { RunState } from '#processors/runs/run.ts'

const choice = (name: string) => ({ provider: name, model: 'm' })
const ladder = [
  { name: 'weak', choices: [choice('a'), choice('b')] },
  { name: 'strong', choices: [choice('c')] },
]
const step = { step: 'attempt', attempt: 1, tier: 0, choice: choice('a') } as const

function run(more: { interactive?: boolean } = {}): RunState {
  const limits = { once: false }
  const spec = {
    kind: 'chat',
    ladder,
    retrieval: null,
    parameters: '{}',
    messages: '[]',
    interactive: true,
    limits,
    ...more,
  }
  return { runId: 'r', spec, attempts: [], elapsedMs: 0 } as unknown as RunState
}

function ports(resting: Readonly<Record<string, number>>): AwakePorts {
  const provider = (name: string) => ({ name, url: `http://${name}` }) as ModelProvider
  return {
    providers: provider,
    admit: (name: string) =>
      resting[name] === undefined
        ? { is: 'admitted' as const, provider: provider(name) }
        : { is: 'resting' as const, restMs: resting[name] },
    claimCheck: { open: async (text: string) => text },
  } as unknown as AwakePorts
}

test.for([
  [{}, 'a', 0],
  [{ a: 10 }, 'b', 0],
  [{ a: 10, b: 20 }, 'c', 1],
] as const)('with %j resting %s is asked', async ([resting, provider, tier]) => {
  const planned = await planAwake(run(), step, ports(resting))
  expect(planned).toMatchObject({ started: { provider, tier, attempt: 1, url: `http://${provider}` } })
})

test('what was passed over earlier is not gone back to', async () => {
  const planned = await planAwake(run(), { ...step, choice: choice('b') }, ports({ b: 10, c: 30 }))
  expect(planned).toEqual({ restMs: 10 })
})

test('nobody left: who waits is told, work that nobody waits for waits as long as its deadline allows', () => {
  expect(whileResting(run(), 10, 1000)).toMatchObject({ step: 'finish', outcome: 'failed', reason: 'breaker-open' })
  const queued = run({ interactive: false })
  expect(whileResting(queued, 10.2, 1000)).toEqual({ step: 'wait', waitMs: 11, reason: 'breaker-open' })
  expect(whileResting(queued, 1000, 1000)).toMatchObject({ step: 'finish', reason: 'breaker-open' })
})
