/**
 * `kill -9` at random moments of a serving process under load, counting calls at the model server.
 *
 * A process is killed only once it has called the model itself, so every kill finds tasks under way: on Kafka that is up
 * to a lease after the kill before, when the group has dropped the dead worker.
 *
 * What must hold afterwards, on every log: each acknowledged task ends once and is readable, accepted, or closed as poison
 * if kills hit it three times without a step between (R8); a recorded completion was never paid again (calls − recorded
 * completions ≤ attempts lost at the kills); stores rebuilt from the log are equal to the live ones.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { freePort } from '#scripts/services/ports.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { startFakeOpenAiProcess } from '#test/fakes/openai-server-process.ts'
import { type ProgramOptions, startProgram } from './program.ts'
import { startServing } from './serving-process.ts'
import type { ServingProcess } from './serving-process.ts'
import { randomFrom } from './simulation/random.ts'

export interface KillOptions {
  readonly kills: number
  /** Settings that choose the log; none for the embedded one. */
  readonly env?: Readonly<Record<string, string>>
  readonly seed?: number
  readonly note?: (line: string) => void
}

export interface KillOutcome {
  readonly acknowledged: number
  readonly calls: number
  readonly completions: number
  readonly lost: number
  /** Runs that met three kills in a row, and were given up. */
  readonly poison: number
}

interface RunEvent {
  readonly type: string
  readonly data: { readonly outcome?: string; readonly reason?: string; readonly code?: string }
}

const callers = 12
const resumesOfPoison = 3
/** Callers hold back above this many tasks that wait for a worker. */
const waitingAtMost = 200

interface Load {
  on: boolean
  full: boolean
  serving: ServingProcess
}

export async function killServing(options: KillOptions): Promise<KillOutcome> {
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31)
  const random = randomFrom(String(seed))
  const note = options.note ?? (() => {})
  note(`seed ${seed}`)
  const folder = mkdtempSync(join(tmpdir(), 'lattice-kill-'))
  await using model = await startFakeOpenAiProcess({ latencyMs: 40, answer: 'a good answer' })
  const port = await freePort()
  const env = {
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: 'test-key-for-kills',
    LATTICE_PROVIDER: 'openai',
    LATTICE_USE_RAG: '0',
    LATTICE_LOG_LEVEL: 'warn',
    LATTICE_MAX_ATTEMPTS: '50',
    ...options.env,
  }
  const acknowledged = new Map<string, string>()
  const load: Load = { on: true, full: false, serving: await startServing({ folder, env, port }) }
  const callersDone = Promise.all(Array.from({ length: callers }, (_, caller) => postTasks(load, caller, acknowledged)))
  try {
    for (let kill = 1; kill <= options.kills; kill += 1) {
      const before = { acknowledged: acknowledged.size, calls: await model.callCount() }
      await eventually(
        () => `a task is acknowledged and worked on:\n${load.serving.output()}`,
        async () => {
          const calls = await model.callCount()
          load.full = acknowledged.size - calls > waitingAtMost
          return acknowledged.size > before.acknowledged + 5 && calls > before.calls + 5
        },
        { deadlineMs: 90_000, everyMs: 50 },
      )
      await sleep(random.next() * 900)
      await load.serving.kill('SIGKILL')
      load.full = false
      note(`kill ${kill}: ${acknowledged.size} acknowledged, ${await model.callCount()} calls`)
      load.serving = await startServing({ folder, env, port })
    }
    load.on = false
    await callersDone
    await eventually(
      () => `all runs end:\n${load.serving.output()}`,
      () => allDone(load.serving, acknowledged),
      { deadlineMs: 180_000, everyMs: 50 },
    )
    const outcome = await judge(load.serving, acknowledged, await model.callCount())
    await load.serving.kill('SIGTERM')
    for (const store of ['lookup', 'warehouse', 'folders']) await rebuildIsEqual(store, { folder, env })
    return outcome
  } finally {
    load.on = false
    load.serving.child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Posts with a key, again and again until the server says yes: so a cut answer is one task, not two. */
async function postTasks(load: Load, caller: number, acknowledged: Map<string, string>): Promise<void> {
  for (let number = 0; load.on; number += 1) {
    const key = `${caller}-${number}`
    while (load.on) {
      const response = await fetch(`${load.serving.url}/v1/tasks`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify({ prompt: `task ${key}` }),
        signal: AbortSignal.timeout(20_000),
      }).catch(() => undefined)
      if (response?.status === 202) {
        const { runId } = (await response.json().catch(() => ({}))) as { runId?: string }
        if (runId !== undefined) {
          acknowledged.set(key, runId)
          break
        }
      }
      await sleep(20)
    }
    do await sleep(10)
    while (load.on && load.full)
  }
}

async function allDone({ url }: ServingProcess, acknowledged: ReadonlyMap<string, string>): Promise<boolean> {
  for (const status of ['queued', 'running']) {
    const page = (await (await fetch(`${url}/v1/runs?status=${status}&limit=1`)).json()) as { runs: unknown[] }
    if (page.runs.length > 0) return false
  }
  const last = [...acknowledged.values()].at(-1)
  return last === undefined || (await fetch(`${url}/v1/runs/${last}`)).ok
}

async function judge(
  { url }: ServingProcess,
  acknowledged: ReadonlyMap<string, string>,
  calls: number,
): Promise<KillOutcome> {
  let completions = 0
  let lost = 0
  let poison = 0
  for (const runId of new Set(acknowledged.values())) {
    const answer = await fetch(`${url}/v1/runs/${runId}/events`)
    expect(answer.status, `run ${runId}`).toBe(200)
    const { events } = (await answer.json()) as { events: RunEvent[] }
    const of = (type: string): RunEvent[] => events.filter((event) => event.type === type)
    const told = `run ${runId}: ${events.map(({ type, data }) => `${type} ${data.outcome ?? data.code ?? ''}`).join(', ')}`
    const ends = of('run.completed')
    const gaveUp = ends[0]?.data.reason === 'poison'
    expect(
      ends.map(({ data }) => data.outcome),
      told,
    ).toEqual([gaveUp ? 'failed' : 'accepted'])
    if (gaveUp) expect(resumesInARow(events), told).toBeGreaterThanOrEqual(resumesOfPoison)
    expect(of('attempt.completed').length, `paid for once: ${told}`).toBeLessThanOrEqual(1)
    completions += of('attempt.completed').length
    lost += of('attempt.failed').filter(({ data }) => data.code === 'lost').length
    poison += gaveUp ? 1 : 0
  }
  expect(new Set(acknowledged.values()).size, 'one run a key').toBe(acknowledged.size)
  // A task whose acknowledgement was cut is a run all the same, so calls are counted over all runs.
  const all = await countAll(url)
  expect(calls - all.completions, 'calls that were not recorded').toBeLessThanOrEqual(all.lost)
  return { acknowledged: acknowledged.size, calls, completions, lost, poison }
}

/** Take-overs since a step of the run was last completed. */
function resumesInARow(events: readonly RunEvent[]): number {
  const step = ({ type, data }: RunEvent): boolean =>
    ['retrieval.completed', 'attempt.completed', 'verdict.reached', 'run.waited'].includes(type) ||
    (type === 'attempt.failed' && data.code !== 'lost')
  return events.slice(events.findLastIndex(step) + 1).filter(({ type }) => type === 'run.resumed').length
}

async function countAll(url: string): Promise<{ completions: number; lost: number }> {
  const count = { completions: 0, lost: 0 }
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const page = (await (await fetch(`${url}/v1/runs?limit=200${query}`)).json()) as {
      runs: { runId: string }[]
      next: string | null
    }
    for (const { runId } of page.runs) {
      const { attemptList } = (await (await fetch(`${url}/v1/runs/${runId}`)).json()) as {
        attemptList: { status: string; code: string | null }[]
      }
      count.completions += attemptList.filter(({ status }) => status === 'completed').length
      count.lost += attemptList.filter(({ code }) => code === 'lost').length
    }
    cursor = page.next
  }
  return count
}

async function rebuildIsEqual(store: string, given: ProgramOptions): Promise<void> {
  for (const action of ['rebuild', 'diff']) {
    const { code, stdout, stderr } = await startProgram(['store', action, store], given).ended
    expect(code, `${store}: ${stdout}${stderr}`).toBe(0)
  }
}
