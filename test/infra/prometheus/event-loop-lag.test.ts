/** The event loop's lag in the metrics is lateness, not the time between two samples. */
import { expect, test, vi } from 'vitest'
import { openPrometheusReport } from '#infra/prometheus/prometheus-report.ts'

const names = ['min', 'max', 'mean', 'p50', 'p90', 'p99'].map((name) => `nodejs_eventloop_lag_${name}_seconds`)

test('a loop with nothing to do is on time, and one that was held up is late by as much', async () => {
  const { metrics } = openPrometheusReport()
  const lag = async (name: string): Promise<number> => {
    const line = (await metrics()).split('\n').find((one) => one.startsWith(`nodejs_eventloop_lag_${name}_seconds `))
    return line === undefined ? Number.NaN : Number(line.split(' ')[1])
  }
  // Whatever else the machine does, one sample of these is on time.
  await vi.waitFor(async () => expect(await lag('min')).toBeLessThan(0.1), { timeout: 20_000, interval: 50 })
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500)
  await vi.waitFor(async () => expect(await lag('max')).toBeGreaterThan(0.8), { timeout: 5000, interval: 5 })
}, 30_000)

test('all are there once there is a sample, and a scrape right after repeats them', async () => {
  const { metrics } = openPrometheusReport()
  const lines = async (): Promise<string[]> =>
    (await metrics()).split('\n').filter((line) => names.some((name) => line.startsWith(`${name} `)))
  await vi.waitFor(async () => expect(await lines()).toHaveLength(names.length), { timeout: 20_000, interval: 50 })
  for (const line of await lines()) expect(Number(line.split(' ')[1])).toBeLessThan(60)
}, 30_000)
