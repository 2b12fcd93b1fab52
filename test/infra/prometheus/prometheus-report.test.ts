/** Signals as metrics. */
import { expect, test } from 'vitest'
import { openPrometheusReport } from '#infra/prometheus/prometheus-report.ts'
import { anySignal } from '#test/infra/any-signal.ts'

test('every signal is taken, and what it says stands in the text', async () => {
  const { report, metrics, contentType } = openPrometheusReport({ processMetrics: false })
  for (const signal of anySignal) report(signal)
  const text = await metrics()
  expect(contentType).toContain('text/plain')
  for (const line of [
    'lattice_appended_records_total{topic="runs.v1"} 3',
    'lattice_append_seconds_count{topic="runs.v1"} 1',
    'lattice_append_failures_total{topic="runs.v1",code="log.full"} 1',
    'lattice_store_lag_records{store="runs",topic="runs.v1",partition="0"} 2',
    'lattice_store_next_offset{store="runs",topic="runs.v1",partition="0"} 8',
    'lattice_store_stalled{store="runs"} 1',
    'lattice_parked_records_total{by="runs",code="log.full"} 1',
    'lattice_runs_completed_total{kind="task",outcome="accepted"} 1',
    'lattice_run_seconds_sum{kind="task",outcome="accepted"} 0.04',
    'lattice_attempts_total{provider="groq",model="m",outcome="failed",code="timeout"} 1',
  ]) {
    expect(text).toContain(`${line}\n`)
  }
})

test('metrics of the process are there, twice in one process too', async () => {
  openPrometheusReport()
  expect(await openPrometheusReport().metrics()).toMatch(/process_cpu_seconds_total|process_resident_memory_bytes/)
})

test('models that callers make up do not grow the metrics without end', async () => {
  const { report, metrics } = openPrometheusReport({ processMetrics: false })
  for (let index = 0; index < 1000; index++) {
    report({ signal: 'attempt.finished', provider: 'groq', model: `m${index}`, outcome: 'completed', durationMs: 1 })
  }
  const lines = (await metrics()).split('\n').filter((line) => line.startsWith('lattice_attempts_total'))
  expect(lines).toHaveLength(101)
  expect(lines.find((line) => line.includes('"other"'))).toMatch(/ 900$/)
})
