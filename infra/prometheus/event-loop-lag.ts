/**
 * How late the event loop is, as prom-client names it: `nodejs_eventloop_lag_{min,max,mean,stddev,p50,p90,p99}_seconds`.
 *
 * Promise: 0 is on time. Node's `monitorEventLoopDelay` holds the time between two samples, not their lateness, and
 * forgets at each reset when the sample before was: at prom-client's 10 ms neither shows, but those hundred samples a
 * second are most of what an idle server does. Here it is two. A scrape before the next sample repeats the values before.
 */
import { createHistogram } from 'node:perf_hooks'
import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'

const sampleMs = 500

/** Longer than any process lives, for prom-client's own histogram: it can't be left out of its default metrics. */
export const neverMs = 2 ** 31 - 1

/** Takes the place of prom-client's own gauges in `registry`. */
export function measureEventLoopLag(registry: Registry): void {
  const delays = createHistogram()
  const seconds = (nanoseconds: number): number => nanoseconds / 1e9
  const gauge = (name: string, help: string, collect?: () => void): Gauge => {
    registry.removeSingleMetric(name)
    const made = new Gauge({ name, help, registers: [registry], ...(collect === undefined ? {} : { collect }) })
    // Nothing is said before there is a sample; a gauge begins with 0.
    made.remove({})
    return made
  }

  // The first one collects for all: prom-client collects in the order of registration, before it prints.
  const min = gauge(
    'nodejs_eventloop_lag_min_seconds',
    'The least delay of the event loop since the last scrape.',
    () => {
      if (delays.count === 0) return
      min.set(seconds(delays.min))
      max.set(seconds(delays.max))
      mean.set(seconds(delays.mean))
      stddev.set(seconds(delays.stddev))
      p50.set(seconds(delays.percentile(50)))
      p90.set(seconds(delays.percentile(90)))
      p99.set(seconds(delays.percentile(99)))
      delays.reset()
    },
  )
  const max = gauge('nodejs_eventloop_lag_max_seconds', 'The longest delay of the event loop since the last scrape.')
  const mean = gauge('nodejs_eventloop_lag_mean_seconds', 'The mean delay of the event loop since the last scrape.')
  const stddev = gauge('nodejs_eventloop_lag_stddev_seconds', 'The standard deviation of those delays.')
  const p50 = gauge('nodejs_eventloop_lag_p50_seconds', 'The 50th percentile of those delays.')
  const p90 = gauge('nodejs_eventloop_lag_p90_seconds', 'The 90th percentile of those delays.')
  const p99 = gauge('nodejs_eventloop_lag_p99_seconds', 'The 99th percentile of those delays.')

  let last = performance.now()
  setInterval(() => {
    const now = performance.now()
    // A histogram takes whole nanoseconds from 1 on.
    delays.record(Math.max(1, Math.round((now - last - sampleMs) * 1e6)))
    last = now
  }, sampleMs).unref()
}
