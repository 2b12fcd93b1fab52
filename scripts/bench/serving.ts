/**
 * A serving process at rest, by the operating system's own count: CPU while idle on each log, and resident memory after a
 * restart with a million stored events and all stores caught up.
 */
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { assemble } from '#infra/assemble.ts'
import { readConfig } from '#infra/config/config.ts'
import { start } from '#processors/start.ts'
import { startServing } from '#test/crash/serving-process.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import type { Measure, MeasureOptions, Row } from './row.ts'
import { eventsOfRun, storeRuns } from './stored-runs.ts'

/** At rest is who took less than 3 % of a core for so long; a server gives memory back after 20 s of it. */
const restMs = 30_000

export const measure: Measure = async (options) => [
  await idle('embedded', {}, options),
  await idle('redis', { LATTICE_LOG: (await options.redis()).url }, options),
  await idle('kafka', { LATTICE_LOG: `kafka://${(await options.kafka()).brokers}` }, options),
  await memory(options),
]

async function idle(log: string, env: Record<string, string>, { quick, folder: base }: MeasureOptions): Promise<Row> {
  const folder = join(base, `idle-${log}`)
  await mkdir(folder, { recursive: true })
  const serving = await startServing({ folder, env: { ...env, LATTICE_LOG_LEVEL: 'warn' } })
  try {
    // What has just started still compiles what it runs often: on four threads, for half a minute.
    await sleep(quick ? 1_000 : 30_000)
    const before = cpuMs(serving)
    const began = performance.now()
    await sleep(quick ? 1_000 : 60_000)
    const ours = ((cpuMs(serving) - before) / (performance.now() - began)) * 100
    return { figure: `serving idle ${log}`, unit: '% of a core', ours, target: { atMost: 1 } }
  } finally {
    await serving.kill('SIGTERM')
  }
}

async function memory({ quick, folder: base }: MeasureOptions): Promise<Row> {
  const folder = join(base, 'memory')
  await mkdir(folder, { recursive: true })
  const runs = Math.ceil((quick ? 1_200 : 1_000_000) / eventsOfRun)
  await fill(folder, runs)
  const first = await startServing({ folder, env: { LATTICE_LOG_LEVEL: 'warn' } })
  await caughtUp(first)
  await rests(first)
  await first.kill('SIGTERM')
  const again = await startServing({ folder, env: { LATTICE_LOG_LEVEL: 'warn' } })
  try {
    await caughtUp(again)
    await rests(again)
    await sleep(quick ? 500 : 10_000)
    const ours = residentMb(again)
    const note = `${(runs * eventsOfRun).toLocaleString('en')} events, runs without folders`
    return { figure: 'serving memory after restart', unit: 'MB', ours, target: { atMost: 250 }, note }
  } finally {
    await again.kill('SIGTERM')
  }
}

async function fill(folder: string, runs: number): Promise<void> {
  const { config } = readConfig({ env: { LATTICE_DATA: join(folder, 'data') }, folder })
  const { given, close } = await assemble(config, () => {})
  const lattice = await start(given, { stores: [], role: 'bench' })
  await storeRuns(lattice.journal, runs, 'chat')
  await lattice.close()
  await close()
}

async function caughtUp({ url }: ServingProcess): Promise<void> {
  for (;;) {
    const { stores } = (await (await fetch(`${url}/v1/stores`)).json()) as { stores: { lagRecords: number }[] }
    if (stores.length > 0 && stores.every(({ lagRecords }) => lagRecords === 0)) return
    await sleep(250)
  }
}

/** The worker passes over a log it has not seen for some time after the stores have folded it. */
async function rests(serving: ServingProcess): Promise<void> {
  for (;;) {
    const before = cpuMs(serving)
    await sleep(restMs)
    if (cpuMs(serving) - before < restMs * 0.03) return
  }
}

/** User and system time of the process so far, threads included (proc(5), clock ticks of 10 ms). */
function cpuMs({ child }: ServingProcess): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function residentMb({ child }: ServingProcess): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
  return Number(kb) / 1024
}
