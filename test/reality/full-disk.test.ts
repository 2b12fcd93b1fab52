/**
 * A disk that is full, under a really serving process: what is acknowledged is done, what can't be kept is refused by
 * name, and when there is room again everything goes on. A small tmpfs stands for the disk, which only root may mount.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { mountSmallDisk } from '#test/crash/small-disk.ts'
import type { SmallDisk } from '#test/crash/small-disk.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { caughtUp, createWorld, ended, post, rebuiltEqual, rowsOf, send } from './served.ts'
import type { World } from './served.ts'

const probe = mountSmallDisk(64)
probe?.unmount()

describe.skipIf(probe === undefined)('a full disk: embedded log', () => {
  let disk: SmallDisk
  let model: FakeOpenAi
  let world: World
  let serving: ServingProcess

  beforeEach(async () => {
    disk = mountSmallDisk(48 * 1024) as SmallDisk
    model = await startFakeOpenAi({ answer: 'a plain answer' })
  })

  afterEach(async () => {
    disk.free()
    await serving.kill('SIGKILL')
    await model.close()
    world.close()
    disk.unmount()
  })

  async function serve(env: Readonly<Record<string, string>>): Promise<void> {
    world = createWorld({
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: 'key-of-the-full-disk-test',
      LATTICE_PROVIDER: 'openai',
      LATTICE_USE_RAG: '0',
      LATTICE_LOG_LEVEL: 'warn',
      ...env,
    })
    serving = await world.serve()
  }

  test('[append.survives] [store.deterministic] with all state on it, posts are refused with log.full, and what was acknowledged is done once there is room', async () => {
    mkdirSync(join(disk.folder, 'data'))
    await serve({ LATTICE_DATA: join(disk.folder, 'data') })
    const acknowledged = [await post(serving, { prompt: 'before' })]
    for (const run of acknowledged) await ended(serving, run)

    disk.fill()
    let refused: Response | undefined
    await eventually(
      'no post is refused',
      async () => {
        disk.fill()
        const response = await send(serving, { prompt: 'while it is full' })
        if (response.status === 202) acknowledged.push((await response.json()) as { runId: string; position: string })
        else refused = response
        return refused !== undefined
      },
      { deadlineMs: 30_000 },
    )
    expect(refused?.status).toBe(507)
    expect(refused?.headers.get('content-type')).toContain('application/problem+json')
    const told = await refused?.text()
    expect(JSON.parse(told ?? '')).toMatchObject({ code: 'log.full' })
    expect(told).not.toContain(disk.folder)
    expect((await fetch(`${serving.url}/health`)).status).toBe(200)
    expect((await fetch(`${serving.url}/v1/runs/${acknowledged[0]?.runId}`)).status).toBe(200)
    expect(serving.child.exitCode).toBe(null)

    disk.free()
    await eventually(
      () => `posts do not work again:\n${serving.output()}`,
      async () => {
        const response = await send(serving, { prompt: 'there is room again' })
        if (response.status !== 202) return false
        acknowledged.push((await response.json()) as { runId: string; position: string })
        return true
      },
      { deadlineMs: 30_000 },
    )
    for (const run of acknowledged) expect(await ended(serving, run)).toMatchObject({ outcome: 'accepted' })
    await eventually(
      () => `not ready:\n${serving.output()}`,
      async () => (await fetch(`${serving.url}/ready`)).ok,
      { deadlineMs: 30_000 },
    )
    await caughtUp(serving)
    await serving.kill('SIGTERM')
    for (const store of ['lookup', 'folders', 'warehouse']) await rebuiltEqual(world, store)
  }, 120_000)

  test('[append.survives] full while tasks are under way: each acknowledged one ends once, paid for once', async () => {
    mkdirSync(join(disk.folder, 'data'))
    await serve({ LATTICE_DATA: join(disk.folder, 'data') })
    const slow = await startFakeOpenAi({ answer: 'a late answer', latencyMs: 1500 })
    try {
      await serving.kill('SIGTERM')
      serving = await world.serve({ env: { OPENAI_BASE_URL: slow.url } })
      const acknowledged = []
      for (let task = 0; task < 5; task += 1) acknowledged.push(await post(serving, { prompt: `task ${task}` }))
      await eventually('not all calls are made', () => slow.callCount === 5, { deadlineMs: 30_000 })
      disk.fill()
      // Its results can't be written: it says so, and keeps them.
      await eventually(
        () => `no append fails:\n${serving.output()}`,
        async () => /lattice_append_failures_total\{[^}]*code="log.full"/.test(await metrics()),
        { deadlineMs: 30_000 },
      )
      disk.free()
      for (const run of acknowledged)
        expect(await ended(serving, run)).toMatchObject({ outcome: 'accepted', attempts: 1 })
      expect(slow.callCount).toBe(5)
    } finally {
      await slow.close()
    }
  }, 120_000)

  test('stores on a full disk stall, say so in /ready and in the metrics, and go on', async () => {
    await serve({ LATTICE_RUNS_DIR: join(disk.folder, 'runs'), LATTICE_DATA: './state' })
    const before = await post(serving, { prompt: 'before' })
    await ended(serving, before)
    await eventually('no run folder', () => folderIsComplete(before.runId), { deadlineMs: 30_000 })

    disk.fill()
    const during = await post(serving, { prompt: 'x'.repeat(100_000) })
    expect(await ended(serving, during)).toMatchObject({ outcome: 'accepted' })
    await eventually(
      () => `the stall is not metered:\n${serving.output()}`,
      async () => (await metric('lattice_store_stalled{store="folders"}')) === '1',
      { deadlineMs: 30_000 },
    )
    const ready = await fetch(`${serving.url}/ready`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({
      ready: false,
      log: 'ok',
      stores: expect.arrayContaining([expect.objectContaining({ store: 'folders', state: 'stalled' })]),
    })
    expect(await (await fetch(`${serving.url}/v1/stores`)).text()).toMatch(
      /"state":"stalled","reason":"[^"]*(ENOSPC|full)/,
    )

    disk.free()
    await eventually(
      () => `the run folder is not completed:\n${serving.output()}`,
      () => folderIsComplete(during.runId),
      { deadlineMs: 30_000 },
    )
    await eventually('not ready again', async () => (await fetch(`${serving.url}/ready`)).ok, { deadlineMs: 30_000 })
    expect(await metric('lattice_store_stalled{store="folders"}')).toBe('0')
    await caughtUp(serving)
    await serving.kill('SIGTERM')
    await rebuiltEqual(world, 'folders')
  }, 120_000)

  function folderIsComplete(runId: string): boolean {
    return rowsOf(join(disk.folder, 'runs', runId, 'run.jsonl')).some(({ event }) => event === 'run_completed')
  }

  async function metrics(): Promise<string> {
    return (await fetch(`${serving.url}/metrics`)).text()
  }

  async function metric(name: string): Promise<string | undefined> {
    return (await metrics())
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.slice(name.length + 1)
  }
})
