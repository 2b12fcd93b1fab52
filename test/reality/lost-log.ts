/**
 * A log server that is lost, or hangs, under a really serving process.
 *
 * What must hold: while it is away posts are refused with 503 and a time to try again, and what is known can be read;
 * once it is back, every acknowledged task ends once and is paid for once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Server } from '#scripts/services/server.ts'
import { eventually } from '#test/contracts/eventually.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { caughtUp, createWorld, ended, eventsOf, post, rebuiltEqual, send } from './served.ts'
import type { Posted, World } from './served.ts'

export function describeLostLog(name: string, start: () => Promise<{ server: Server; address: string }>): void {
  describe(`lost log: ${name}`, () => {
    let server: Server
    let model: FakeOpenAi
    let world: World
    let serving: ServingProcess

    beforeAll(async () => {
      const started = await start()
      server = started.server
      model = await startFakeOpenAi({ answer: 'a plain answer', latencyMs: 100 })
      world = createWorld({
        OPENAI_BASE_URL: model.url,
        OPENAI_API_KEY: 'key-of-the-lost-log-test',
        LATTICE_PROVIDER: 'openai',
        LATTICE_USE_RAG: '0',
        LATTICE_LOG_LEVEL: 'warn',
        LATTICE_LOG: started.address,
      })
      serving = await world.serve()
    }, 120_000)

    afterAll(async () => {
      await server.kill('SIGCONT')
      await serving.kill('SIGKILL')
      await model.close()
      await server.stop()
      world.close()
    }, 60_000)

    test('[append.survives] [run.resumes] [run.single] killed for some seconds under load: everything acknowledged ends once', async () => {
      await away('SIGKILL', { until: unready, back: () => server.restart() })
    }, 180_000)

    test('[append.survives] [run.single] stopped under load: refused meanwhile, everything acknowledged ends once', async () => {
      await away('SIGSTOP', { until: (refusals) => refusals > 0, back: () => server.kill('SIGCONT') })
    }, 180_000)

    test('[store.deterministic] after both, each store rebuilt is equal', async () => {
      await caughtUp(serving)
      expect(await serving.kill('SIGTERM')).toBe(undefined)
      for (const store of ['lookup', 'warehouse']) await rebuiltEqual(world, store)
    }, 120_000)

    async function unready(): Promise<boolean> {
      return (await fetch(`${serving.url}/ready`)).status === 503
    }

    interface Away {
      readonly until: (refusals: number) => boolean | Promise<boolean>
      readonly back: () => Promise<void>
    }

    async function away(signal: 'SIGKILL' | 'SIGSTOP', { until, back }: Away): Promise<void> {
      model.reset()
      const known = await post(serving, { prompt: 'known before' })
      await ended(serving, known)
      const acknowledged = new Map<string, Posted>()
      const refusals: Response[] = []
      const load = { on: true }
      const callers = Promise.all(Array.from({ length: 4 }, (_, caller) => call(caller, load, acknowledged, refusals)))
      try {
        await eventually('nothing is acknowledged', () => acknowledged.size > 10, { deadlineMs: 30_000 })
        await server.kill(signal)
        await eventually(
          () => `it is not noticed:\n${serving.output()}`,
          () => until(refusals.length),
          { deadlineMs: 90_000 },
        )

        expect(await (await fetch(`${serving.url}/v1/runs/${known.runId}`)).json()).toMatchObject({
          outcome: 'accepted',
        })
        expect((await fetch(`${serving.url}/v1/runs?limit=5`)).status).toBe(200)
        expect((await fetch(`${serving.url}/health`)).status).toBe(200)
        const ready = await fetch(`${serving.url}/ready`)
        expect(ready.status).toBe(503)
        expect(await ready.json()).toMatchObject({ ready: false, log: 'unavailable' })
        expect(serving.child.exitCode).toBe(null)
        const began = performance.now()
        expect((await send(serving, { prompt: 'while it is away' })).status).toBe(503)
        expect(performance.now() - began, 'ms to a refusal').toBeLessThan(10_000)
        await back()
        const before = acknowledged.size
        await eventually(
          () => `posts do not work again:\n${serving.output()}`,
          () => acknowledged.size > before + 10,
          { deadlineMs: 60_000 },
        )
      } finally {
        load.on = false
        await callers
      }
      for (const refusal of refusals) {
        expect(refusal.status).toBe(503)
        expect(refusal.headers.get('retry-after')).toMatch(/^\d+$/)
      }
      for (const run of acknowledged.values()) {
        expect(await ended(serving, run)).toMatchObject({ outcome: 'accepted' })
        const types = (await eventsOf(serving, run.runId)).map(({ type }) => type)
        expect(types.filter((type) => type === 'run.completed')).toHaveLength(1)
        expect(types.filter((type) => type === 'attempt.completed')).toHaveLength(1)
      }
      expect(new Set([...acknowledged.values()].map(({ runId }) => runId)).size).toBe(acknowledged.size)
      await eventually(
        () => `not ready:\n${serving.output()}`,
        async () => (await fetch(`${serving.url}/ready`)).ok,
        { deadlineMs: 30_000 },
      )
    }

    /** Posts with a key until it is acknowledged, as a client should. */
    async function call(
      caller: number,
      load: { on: boolean },
      acknowledged: Map<string, Posted>,
      refusals: Response[],
    ): Promise<void> {
      const session = performance.now()
      for (let number = 0; load.on; number += 1) {
        const key = `${caller}-${session}-${number}`
        while (load.on) {
          const response = await send(serving, { prompt: `task ${key}` }, { 'idempotency-key': key }).catch(
            () => undefined,
          )
          if (response?.status === 202) {
            acknowledged.set(key, (await response.json()) as Posted)
            break
          }
          if (response !== undefined) refusals.push(response)
          await sleep(100)
        }
        await sleep(30)
      }
    }
  })
}
