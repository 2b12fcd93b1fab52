/**
 * Several serving processes on one LATTICE_DATA: work is done once, and who is left takes over.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { startFakeOpenAiProcess } from '#test/fakes/openai-server-process.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { caughtUp, createWorld, ended, eventsOf, post, rebuiltEqual } from './served.ts'
import type { World } from './served.ts'

describe('two servers on one folder: embedded log', () => {
  let model: Awaited<ReturnType<typeof startFakeOpenAiProcess>>
  let world: World

  beforeEach(async () => {
    model = await startFakeOpenAiProcess({ answer: 'a plain answer', latencyMs: 200 })
    world = createWorld({
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: 'key-of-the-two-servers-test',
      LATTICE_PROVIDER: 'openai',
      LATTICE_USE_RAG: '0',
      LATTICE_LOG_LEVEL: 'warn',
    })
  }, 30_000)

  afterEach(async () => {
    world.close()
    await model[Symbol.asyncDispose]()
  }, 30_000)

  test('[run.single] [store.deterministic] with the roles split, tasks are done once', async () => {
    const api = await world.serve({ arguments: ['--role', 'api,stores'] })
    const queued = await post(api, { prompt: 'before there is a worker' })
    const worker = startWorker()
    await tasksAreDoneOnce(api, [queued], 20)
    worker.child.kill('SIGTERM')
    const { code, stderr } = await worker.ended
    expect(code, stderr).toBe(0)
    await caughtUp(api)
    await api.kill('SIGTERM')
    for (const store of ['warehouse', 'folders']) await rebuiltEqual(world, store)
  }, 150_000)

  test('[run.single] two whole servers share the work, and both answer for all of it', async () => {
    const first = await world.serve()
    const second = await world.serve()
    const tasks = await Promise.all(
      Array.from({ length: 20 }, (_, task) => post(task % 2 === 0 ? first : second, { prompt: `task ${task}` })),
    )
    await tasksAreDoneOnce(first, tasks, 0)
    for (const task of tasks) expect(await ended(second, task)).toMatchObject({ outcome: 'accepted' })
  }, 150_000)

  test('[run.resumes] [run.single] a worker that is killed is followed by another, and no recorded answer is paid again', async () => {
    const api = await world.serve({ arguments: ['--role', 'api,stores'] })
    const doomed = startWorker()
    const tasks = []
    for (let task = 0; task < 12; task += 1) tasks.push(await post(api, { prompt: `task ${task}` }))
    await eventually(
      () => `no call is made: ${doomed.said().stderr}`,
      async () => (await model.callCount()) >= 4,
      { deadlineMs: 30_000 },
    )
    doomed.child.kill('SIGKILL')
    await doomed.ended
    startWorker()
    let [completed, lost] = [0, 0]
    for (const task of tasks) {
      expect(await ended(api, task)).toMatchObject({ outcome: 'accepted', answer: 'a plain answer' })
      const events = await eventsOf(api, task.runId)
      expect(events.filter(({ type }) => type === 'run.completed')).toHaveLength(1)
      completed += events.filter(({ type }) => type === 'attempt.completed').length
      lost += events.filter(({ type, data }) => type === 'attempt.failed' && data['code'] === 'lost').length
    }
    expect(completed).toBe(tasks.length)
    expect((await model.callCount()) - completed).toBeLessThanOrEqual(lost)
  }, 150_000)

  test('a server whose owner of stores is killed goes on answering, and folds from then on', async () => {
    const first = await world.serve()
    const second = await world.serve()
    const before = await post(second, { prompt: 'before' })
    await ended(second, before)
    await first.kill('SIGKILL')
    const after = await post(second, { prompt: 'after' })
    expect(await ended(second, after)).toMatchObject({ outcome: 'accepted' })
    expect(await ended(second, before)).toMatchObject({ outcome: 'accepted' })
  }, 150_000)

  test('a second server on the same port fails by name and takes nothing from the first', async () => {
    const first = await world.serve()
    const port = new URL(first.url).port
    const { code, stderr } = await world.lattice(['serve'], { env: { LATTICE_PORT: port } })
    expect(code).toBe(2)
    expect(stderr).toContain(`127.0.0.1:${port}`)
    expect(stderr).toMatch(/EADDRINUSE|in use/)
    expect(stderr).toContain('LATTICE_PORT')
    expect(await ended(first, await post(first, { prompt: 'still here' }))).toMatchObject({ outcome: 'accepted' })
  }, 60_000)

  const startWorker = () => world.start(['serve', '--role', 'worker'])

  async function tasksAreDoneOnce(
    api: ServingProcess,
    known: readonly { runId: string }[],
    more: number,
  ): Promise<void> {
    const tasks = [...known]
    for (let task = 0; task < more; task += 1) tasks.push(await post(api, { prompt: `task ${task}` }))
    for (const task of tasks) {
      expect(await ended(api, task)).toMatchObject({ outcome: 'accepted', attempts: 1 })
      expect((await eventsOf(api, task.runId)).filter(({ type }) => type === 'run.completed')).toHaveLength(1)
    }
    expect(await model.callCount()).toBe(tasks.length)
  }
})
