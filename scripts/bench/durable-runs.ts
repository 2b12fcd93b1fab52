/**
 * Durable tasks end to end: submitted, started, attempted, judged, done, each acknowledged by the log, 64 in flight, with
 * a model that answers at once. The stores of a serving process fold beside it, files and warehouse in their thread.
 *
 * Floor: the log by itself taking the three appends that a run needs, 64 runs at a time.
 */
import { join } from 'node:path'
import { openThreadedStores } from '#api/threaded-stores.ts'
import { assemble } from '#infra/assemble.ts'
import { readConfig } from '#infra/config/config.ts'
import { storeNames } from '#processors/catalog.ts'
import type { ModelProvider } from '#processors/ports/model-provider.ts'
import { start } from '#processors/start.ts'
import type { Lattice } from '#processors/start.ts'
import { tasksOf } from '#processors/tasks.ts'
import { work } from '#processors/work.ts'
import type { Measure, Row } from './row.ts'

const inFlight = 64

export const measure: Measure = async ({ quick, folder }) => {
  const runs = quick ? 300 : 5_000
  const bare = await appendsAlone(join(folder, 'floor'), runs)
  const ours = await durableRuns(join(folder, 'ours'), runs)
  const target = { atLeast: 1_000 } as const
  const note = `${inFlight} in flight; ${ours.cpuMsPerRun.toFixed(2)} ms CPU a run; floor: the three appends alone`
  const row: Row = {
    figure: 'durable-runs embedded',
    unit: 'runs/s',
    floor: bare,
    ours: ours.perSecond,
    target,
    sync: 'full',
    note,
  }
  return [row]
}

const instant: ModelProvider = {
  name: 'openai',
  url: 'instant:',
  defaultModel: 'instant',
  complete: async () => ({
    ok: true,
    content: 'yes',
    raw: '{"choices":[{"message":{"content":"yes"}}]}',
    finishReason: 'stop',
  }),
}

export async function durableRuns(folder: string, runs: number): Promise<{ perSecond: number; cpuMsPerRun: number }> {
  const { lattice, close } = await open(folder)
  const tasks = tasksOf(lattice)
  const worker = await work(lattice)
  const one = async (): Promise<void> => {
    const { runId } = await tasks.submit({ prompt: 'Say yes.' }, { principal: 'bench', interactive: false })
    await new Promise<void>((resolve) => {
      const stop = lattice.feed.watch(runId, ({ record }) => {
        if (record.headers['ce_type'] !== 'run.completed') return
        stop()
        resolve()
      })
    })
  }
  await many(300, one)
  const cpu = process.cpuUsage()
  const began = performance.now()
  await many(runs, one)
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await worker.stop(1000)
  await close()
  return { perSecond: runs / seconds, cpuMsPerRun: (user + system) / 1000 / runs }
}

/** What a run writes, by its sizes, and nothing else. */
async function appendsAlone(folder: string, runs: number): Promise<number> {
  const { lattice, close } = await open(folder)
  const { log } = lattice.given
  const record = {
    key: 'bench',
    headers: { ce_id: 'x'.repeat(36), ce_type: 'attempt.started' },
    value: new Uint8Array(300),
  }
  const began = performance.now()
  await many(runs, async () => {
    await log.append('operations.v1', [record])
    await log.append('operations.v1', [record, record])
    await log.append('operations.v1', [record, record, record])
  })
  const seconds = (performance.now() - began) / 1000
  await close()
  return runs / seconds
}

async function many(count: number, one: () => Promise<void>): Promise<void> {
  let left = count
  const caller = async (): Promise<void> => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
}

async function open(folder: string): Promise<{ lattice: Lattice; close(): Promise<void> }> {
  const env = {
    LATTICE_DATA: join(folder, 'data'),
    LATTICE_RUNS_DIR: join(folder, 'runs'),
    OPENAI_API_KEY: 'bench-key-0001',
    LATTICE_PROVIDER: 'openai',
    LATTICE_USE_RAG: '0',
  }
  const { config } = readConfig({ env, folder: process.cwd() })
  const { given, close } = await assemble(config, () => {})
  const models = { ...given.models, providers: () => instant }
  const lattice = await start(
    { ...given, models },
    {
      stores: storeNames,
      role: 'bench',
      threaded: {
        names: ['folders', 'warehouse'],
        open: (names) => openThreadedStores(names, { config, clock: given.clock, report: given.report }),
      },
    },
  )
  return {
    lattice,
    async close() {
      await lattice.close()
      await close()
    },
  }
}
