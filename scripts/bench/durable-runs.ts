/**
 * Durable tasks end to end: submitted, started, attempted, judged, done, each acknowledged by the embedded log, with a
 * model that answers at once. All stores of a serving process fold beside it.
 *
 * The floor is the log alone doing the three synced appends of a run, 64 at a time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '#infra/config/config.ts'
import { assemble } from '#infra/assemble.ts'
import { storeNames } from '#processors/catalog.ts'
import type { ModelProvider } from '#processors/ports/model-provider.ts'
import { start } from '#processors/start.ts'
import { tasksOf } from '#processors/tasks.ts'
import { work } from '#processors/work.ts'

const instant: ModelProvider = {
  name: 'openai',
  url: 'instant:',
  defaultModel: 'instant',
  complete: async () => ({ ok: true, content: 'yes', raw: '{"choices":[{"message":{"content":"yes"}}]}', finishReason: 'stop' }),
}

export async function durableRuns(runs: number, inFlight: number, names: readonly (typeof storeNames)[number][] = storeNames): Promise<{ perSecond: number; cpu: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-bench-'))
  const { config } = readConfig({
    env: { LATTICE_DATA: join(folder, 'data'), LATTICE_RUNS_DIR: join(folder, 'runs'), OPENAI_API_KEY: 'bench-key-0001', LATTICE_PROVIDER: 'openai', LATTICE_USE_RAG: '0' },
    folder,
  })
  const { given, close } = await assemble(config, () => {})
  const lattice = await start({ ...given, models: { ...given.models, providers: () => instant } }, { stores: names, role: 'bench' })
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
  for (let warm = 0; warm < 200; warm += 1) await one()
  let left = runs
  const cpu = process.cpuUsage()
  const began = performance.now()
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (left-- > 0) await one()
  }))
  const seconds = (performance.now() - began) / 1000
  const used = process.cpuUsage(cpu)
  await worker.stop(1000)
  await lattice.close()
  await close()
  rmSync(folder, { recursive: true })
  return { perSecond: runs / seconds, cpu: (used.user + used.system) / 1e6 / seconds }
}
