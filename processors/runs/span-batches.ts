import type { Clock } from '#processors/ports/clock.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Span, SpanExporter, SpanReceipt } from '#processors/ports/span-exporter.ts'

/**
 * Runs' spans, sent in batches, one at a time.
 *
 * Promise: `send` resolves true once its spans are taken, or were refused for good, and false where they were not sent
 * before the end. A backend that is down is told of once, tried again at growing intervals, and told of once when it is
 * back. A batch that is refused is sent again run by run, so that one run takes no other along. Nothing is held but what
 * callers wait for: they bound it.
 */
export interface SpanBatches {
  send(spans: readonly Span[]): Promise<boolean>
  /** Tries what is left once more, and lets go of the rest. */
  close(): Promise<void>
}

interface Waiting {
  readonly spans: readonly Span[]
  readonly settle: (sent: boolean) => void
}

/** Spans a batch, as OpenTelemetry's own processor has it. */
const mostSpans = 512
/** How long a batch is waited for to fill. */
const gatherMs = 500
const firstPauseMs = 1_000
const longestPauseMs = 60_000

export function createSpanBatches(ports: {
  readonly exporter: SpanExporter
  readonly clock: Clock
  readonly report: Report
}): SpanBatches {
  const { exporter, clock, report } = ports
  const waiting: Waiting[] = []
  const closing = new AbortController()
  let full = new AbortController()
  let working: Promise<void> | undefined
  let failures = 0

  const spansWaiting = (): number => waiting.reduce((sum, { spans }) => sum + spans.length, 0)

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      await gather()
      const batch = takeBatch()
      if ((await deliver(batch)) || !closing.signal.aborted) continue
      for (const { settle } of waiting.splice(0)) settle(false)
    }
    // In the same turn as the last look, or spans that come between would wait for others.
    working = undefined
  }

  async function gather(): Promise<void> {
    if (spansWaiting() >= mostSpans || closing.signal.aborted) return
    full = new AbortController()
    await clock.sleep(gatherMs, full.signal)
  }

  function takeBatch(): readonly Waiting[] {
    let spans = 0
    const fits = waiting.findIndex((one, index) => (spans += one.spans.length) > mostSpans && index > 0)
    return waiting.splice(0, fits < 0 ? waiting.length : fits)
  }

  /** Until it is settled: taken, refused, or let go of. */
  async function deliver(batch: readonly Waiting[]): Promise<boolean> {
    for (;;) {
      const receipt = await exporter.export(batch.flatMap(({ spans }) => spans))
      if (receipt.is === 'later') {
        sayLater(receipt.reason)
        if (closing.signal.aborted) return settled(batch, false)
        await clock.sleep(pauseMs(receipt, failures), closing.signal)
        continue
      }
      sayBack()
      if (receipt.is === 'taken') {
        if (receipt.warning !== undefined) warn(`${exporter.url}: ${receipt.warning}`)
        return settled(batch, true)
      }
      if (batch.length === 1) {
        warn(`${exporter.url} refuses the spans of a run: ${receipt.reason}`)
        return settled(batch, true)
      }
      let all = true
      for (const one of batch) all = (await deliver([one])) && all
      return all
    }
  }

  function sayLater(reason: string): void {
    failures += 1
    if (failures === 1) warn(`traces wait, and are sent again later: ${reason}`)
  }

  function sayBack(): void {
    if (failures > 0) report({ signal: 'notice', message: `traces go on: ${exporter.url} takes them again` })
    failures = 0
  }

  const warn = (message: string): void => report({ signal: 'log.warning', message })

  return {
    async send(spans) {
      if (spans.length === 0) return true
      if (closing.signal.aborted) return false
      const { promise, resolve } = Promise.withResolvers<boolean>()
      waiting.push({ spans, settle: resolve })
      if (spansWaiting() >= mostSpans) full.abort()
      working ??= work()
      return promise
    },
    async close() {
      closing.abort()
      full.abort()
      await working
      await exporter.close()
    },
  }
}

function settled(batch: readonly Waiting[], sent: boolean): boolean {
  for (const { settle } of batch) settle(sent)
  return sent
}

function pauseMs({ afterMs }: Extract<SpanReceipt, { is: 'later' }>, failures: number): number {
  const own = Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1))
  return afterMs === undefined ? own : Math.min(longestPauseMs, Math.max(own, afterMs))
}
