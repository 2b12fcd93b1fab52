/**
 * How soon a task can be read that was just accepted: from the 202 of `POST /v1/tasks` to the 200 of `GET /v1/runs/:id`,
 * at 100 tasks a second, with all roles in one process on the embedded log and a model server in another.
 *
 * Floor: `GET /health` on the same connections at the same moments, which is what HTTP and the machine take by
 * themselves. Tasks are sent at their times whether the ones before have been answered or not, so a server that stops
 * for a while is seen to. The median of the laps' p99 counts: the log is synced by the disk that everybody else uses.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { startServing } from '#test/crash/serving-process.ts'
import { startFakeOpenAiProcess } from '#test/fakes/openai-server-process.ts'
import { median, percentile } from './row.ts'
import type { Measure } from './row.ts'

const perSecond = 100

export const measure: Measure = async ({ quick, folder: base }) => {
  const folder = join(base, 'readable-latency')
  await mkdir(folder, { recursive: true })
  await using models = await startFakeOpenAiProcess()
  const env = {
    OPENAI_BASE_URL: models.url,
    OPENAI_API_KEY: 'bench-key-0001',
    LATTICE_PROVIDER: 'openai',
    LATTICE_USE_RAG: '0',
    LATTICE_LOG_LEVEL: 'warn',
  }
  const serving = await startServing({ folder, env })
  const pool = new Pool(serving.url, { connections: 32 })
  try {
    await load(pool, quick ? 100 : 500)
    const laps: (readonly Timed[])[] = []
    for (let lap = 0; lap < (quick ? 1 : 7); lap += 1) laps.push(await load(pool, quick ? 200 : 600))
    const p = (name: keyof Timed, share: number): number =>
      median(
        laps.map((lap) =>
          percentile(
            lap.map((one) => one[name]),
            share,
          ),
        ),
      )
    const note =
      `p50 ${p('readableMs', 0.5).toFixed(1)} ms; accepted p50 ${p('acceptedMs', 0.5).toFixed(1)}, ` +
      `p99 ${p('acceptedMs', 0.99).toFixed(1)} ms; ${laps.length} laps of ${laps[0]?.length} tasks at ${perSecond}/s; floor: GET /health`
    return [
      {
        figure: 'readable-latency embedded p99',
        unit: 'ms',
        floor: p('healthMs', 0.99),
        ours: p('readableMs', 0.99),
        target: { atMost: 20 },
        sync: 'full',
        note,
      },
    ]
  } finally {
    await pool.close()
    await serving.kill('SIGTERM')
  }
}

interface Timed {
  readonly acceptedMs: number
  readonly readableMs: number
  readonly healthMs: number
}

async function load(pool: Pool, tasks: number): Promise<readonly Timed[]> {
  const began = performance.now()
  const under: Promise<Timed>[] = []
  for (let count = 0; count < tasks; count += 1) {
    const due = began + (count * 1000) / perSecond
    if (due > performance.now()) await sleep(due - performance.now())
    under.push(one(pool))
  }
  return Promise.all(under)
}

async function one(pool: Pool): Promise<Timed> {
  const sent = performance.now()
  const accepted = await pool.request({
    method: 'POST',
    path: '/v1/tasks',
    headers: { 'content-type': 'application/json' },
    body: '{"prompt":"Say yes.","retrieval":false}',
  })
  const { runId } = (await accepted.body.json()) as { runId: string }
  if (accepted.statusCode !== 202) throw new Error(`a task was answered ${accepted.statusCode}`)
  const acceptedAt = performance.now()
  const read = await pool.request({ method: 'GET', path: `/v1/runs/${runId}` })
  await read.body.dump()
  if (read.statusCode !== 200) throw new Error(`a run was answered ${read.statusCode}`)
  const readAt = performance.now()
  const health = await pool.request({ method: 'GET', path: '/health' })
  await health.body.dump()
  return { acceptedMs: acceptedAt - sent, readableMs: readAt - acceptedAt, healthMs: performance.now() - readAt }
}
