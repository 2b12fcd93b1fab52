/**
 * Signals as Prometheus metrics, for `GET /metrics`.
 *
 * Promise: names begin with `lattice_` and keep their meaning; labels are few: a label that callers choose (model,
 * provider) is counted under `other` after its first hundred values, so memory doesn't grow with what they send.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Report, Signal } from '#processors/ports/report.ts'
import { measureEventLoopLag, neverMs } from './event-loop-lag.ts'

export interface PrometheusReport {
  readonly report: Report
  readonly contentType: string
  /** The exposition text of `/metrics`. */
  metrics(): Promise<string>
}

export interface PrometheusReportOptions {
  /** Metrics of the process itself: CPU, memory, event loop, garbage collection. Default true. */
  readonly processMetrics?: boolean
}

const secondsOfAppends = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5]
const secondsOfCalls = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
const mostLabelValues = 100

export function openPrometheusReport({ processMetrics = true }: PrometheusReportOptions = {}): PrometheusReport {
  const registry = new Registry()
  if (processMetrics) {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: neverMs })
    measureEventLoopLag(registry)
  }
  const record = recorder(registry)
  return { report: record, contentType: registry.contentType, metrics: async () => await registry.metrics() }
}

function recorder(registry: Registry): Report {
  const registers = [registry]
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = (name: string, help: string, labelNames: string[]) => new Gauge({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, labelNames: string[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers })

  const records = counter('lattice_appended_records_total', 'Records acknowledged by the log.', ['topic'])
  const appends = histogram(
    'lattice_append_seconds',
    'Time until an append is acknowledged.',
    ['topic'],
    secondsOfAppends,
  )
  const failedAppends = counter('lattice_append_failures_total', 'Appends the log did not acknowledge.', [
    'topic',
    'code',
  ])
  const warnings = counter('lattice_log_warnings_total', 'Warnings about the log: settings, reconnects.', [])
  const folded = counter('lattice_store_folded_records_total', 'Records folded into a store.', ['store', 'topic'])
  const next = gauge('lattice_store_next_offset', 'Offset of the first record a store has not folded.', [
    'store',
    'topic',
    'partition',
  ])
  const lag = gauge('lattice_store_lag_records', 'Records in the log that a store has not folded.', [
    'store',
    'topic',
    'partition',
  ])
  const stalled = gauge('lattice_store_stalled', '1 while a store waits or has stopped.', ['store'])
  const parked = counter('lattice_parked_records_total', 'Records set aside as dead letters.', ['by', 'code'])
  const reactorFailures = counter('lattice_reactor_failures_total', 'Failures of a reactor.', ['reactor', 'code'])
  const requestFailures = counter('lattice_request_failures_total', 'Requests answered with 500.', ['route'])
  const started = counter('lattice_runs_started_total', 'Runs started.', ['kind'])
  const completed = counter('lattice_runs_completed_total', 'Runs completed.', ['kind', 'outcome'])
  const runs = histogram('lattice_run_seconds', 'Time of a run from start to end.', ['kind', 'outcome'], secondsOfCalls)
  const lost = counter('lattice_runs_lost_total', 'Runs given up to another owner.', [])
  const attempts = counter('lattice_attempts_total', 'Model calls by how they ended.', [
    'provider',
    'model',
    'outcome',
    'code',
  ])
  const calls = histogram('lattice_attempt_seconds', 'Time of a model call.', ['provider', 'outcome'], secondsOfCalls)
  const boundedProvider = bounded()
  const boundedModel = bounded()

  const store = (name: string, is: 0 | 1): void => stalled.set({ store: name }, is)
  return (signal: Signal) => {
    switch (signal.signal) {
      case 'append.finished':
        records.inc({ topic: signal.topic }, signal.records)
        return appends.observe({ topic: signal.topic }, signal.durationMs / 1000)
      case 'append.failed':
        return failedAppends.inc({ topic: signal.topic, code: signal.code })
      case 'log.warning':
      case 'log.risk':
        return warnings.inc()
      case 'store.opened':
      case 'store.resumed':
        return store(signal.store, 0)
      case 'store.stalled':
      case 'store.stopped':
        return store(signal.store, 1)
      case 'store.folded': {
        const at = { store: signal.store, topic: signal.topic, partition: signal.partition }
        folded.inc({ store: signal.store, topic: signal.topic }, signal.records)
        next.set(at, signal.next)
        return lag.set(at, Math.max(0, signal.end - signal.next))
      }
      case 'record.parked':
        return parked.inc({ by: signal.by, code: signal.code })
      case 'reactor.failed':
        return reactorFailures.inc({ reactor: signal.reactor, code: signal.code })
      case 'request.failed':
        return requestFailures.inc({ route: signal.route })
      case 'run.started':
        return started.inc({ kind: signal.kind })
      case 'run.completed': {
        const labels = { kind: signal.kind, outcome: signal.outcome }
        completed.inc(labels)
        return runs.observe(labels, signal.durationMs / 1000)
      }
      case 'run.lost':
        return lost.inc()
      case 'attempt.finished': {
        const provider = boundedProvider(signal.provider)
        const { outcome, code = '' } = signal
        attempts.inc({ provider, model: boundedModel(signal.model), outcome, code })
        return calls.observe({ provider, outcome }, signal.durationMs / 1000)
      }
      case 'log.opened':
      case 'store.caught-up':
      case 'progress':
      case 'notice':
        return
    }
  }
}

/** The first values as they are, later ones as `other`. */
function bounded(): (value: string) => string {
  const seen = new Set<string>()
  return (value) => {
    if (seen.has(value)) return value
    if (seen.size >= mostLabelValues) return 'other'
    seen.add(value)
    return value
  }
}
