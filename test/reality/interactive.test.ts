/**
 * `lattice run` beside a serving process: it dies, or hangs, in the middle of a call (R9).
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { createWorld, ended, eventsOf } from './served.ts'
import type { World } from './served.ts'

describe('interactive runs: embedded log', () => {
  let world: World
  let model: FakeOpenAi
  let serving: ServingProcess

  beforeEach(async () => {
    model = await startFakeOpenAi({ answer: 'a late answer' })
    world = createWorld({
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: 'key-of-the-interactive-test',
      LATTICE_PROVIDER: 'openai',
      LATTICE_USE_RAG: '0',
      LATTICE_LOG_LEVEL: 'warn',
    })
    serving = await world.serve()
  }, 60_000)

  afterEach(async () => {
    await serving.kill('SIGKILL')
    await model.close()
    world.close()
  }, 30_000)

  test('[run.single] [verdict.closed] one that is killed in the middle of a call is closed as abandoned at once', async () => {
    model.always('hang-before-headers')
    const { child, runId } = await interrupted({ LATTICE_DEADLINE_MS: '600000' })
    child.kill('SIGKILL')
    const killedAt = performance.now()
    expect(await ended(serving, { runId }, 30_000)).toMatchObject({ outcome: 'abandoned', answer: null })
    // Far below its deadline and grace: the lock of its process is free, and the sweeper looks every 5 s.
    expect(performance.now() - killedAt).toBeLessThan(20_000)
    expect((await completionsOf(runId)).map(({ data }) => data['outcome'])).toEqual(['abandoned'])
  }, 60_000)

  test('[run.single] [verdict.closed] one that is stopped is left alone until its deadline and 30 s are over, then abandoned; woken it fails, without an answer', async () => {
    model.always('hang-before-headers')
    const { child, runId, ended: exited } = await interrupted({ LATTICE_DEADLINE_MS: '2000' })
    const stoppedAt = performance.now()
    child.kill('SIGSTOP')
    try {
      expect(await ended(serving, { runId }, 60_000)).toMatchObject({ outcome: 'abandoned', answer: null })
      expect(performance.now() - stoppedAt).toBeGreaterThan(30_000)
      child.kill('SIGCONT')
      const { code, stdout, stderr } = await exited
      expect(code, stderr).toBeGreaterThan(0)
      expect(stdout).toBe('')
      expect((await completionsOf(runId)).map(({ data }) => data['outcome'])).toEqual(['abandoned'])
      expect((await eventsOf(serving, runId)).filter(({ type }) => type === 'verdict.reached')).toEqual([])
    } finally {
      child.kill('SIGKILL')
    }
  }, 120_000)

  /** A run whose call is under way. */
  async function interrupted(env: Readonly<Record<string, string>>) {
    const program = world.start(['run', 'a question'], { env })
    await eventually(
      () => `no call is made: ${program.said().stderr}`,
      () => model.callCount > 0,
    )
    let runId: string | undefined
    await eventually('the server does not see the run', async () => {
      const { runs } = (await (await fetch(`${serving.url}/v1/runs`)).json()) as { runs: { runId: string }[] }
      runId = runs[0]?.runId
      return runId !== undefined
    })
    return { ...program, runId: runId ?? '' }
  }

  async function completionsOf(runId: string) {
    return (await eventsOf(serving, runId)).filter(({ type }) => type === 'run.completed')
  }
})
