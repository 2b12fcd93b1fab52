/** Batches of spans before a backend that is there, refuses or is down. */
import { expect, test } from 'vitest'
import { createSystemClock } from '#infra/system/system-clock.ts'
import type { Signal } from '#processors/ports/report.ts'
import type { Span, SpanReceipt } from '#processors/ports/span-exporter.ts'
import { createSpanBatches } from '#processors/runs/span-batches.ts'

function spansOf(run: string, count = 3): Span[] {
  return Array.from({ length: count }, (_, part) => ({
    traceId: run,
    spanId: `${run}-${part}`,
    name: run,
    kind: 'internal',
    startMs: 0,
    endMs: 1,
    status: { is: 'ok' },
    attributes: {},
  })) as Span[]
}

/** Time passes at once, so that pauses cost nothing. */
function backend(answer: (spans: readonly Span[]) => SpanReceipt) {
  const sent: string[][] = []
  const signals: Signal[] = []
  const pauses: number[] = []
  const clock = {
    ...createSystemClock(),
    sleep: async (ms: number, signal?: AbortSignal): Promise<void> => {
      if (signal?.aborted !== true) pauses.push(ms)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
  const exporter = {
    url: 'http://backend',
    export: (spans: readonly Span[]) => {
      sent.push([...new Set(spans.map(({ traceId }) => traceId))])
      return Promise.resolve(answer(spans))
    },
    close: () => Promise.resolve(),
  }
  return {
    batches: createSpanBatches({ exporter, clock, report: (signal) => void signals.push(signal) }),
    sent,
    signals,
    pauses,
  }
}

test('runs go together, at most 512 spans at a time, and none is split', async () => {
  const { batches, sent } = backend(() => ({ is: 'taken' }))
  const all = await Promise.all(['a', 'b', 'c'].map((run) => batches.send(spansOf(run, 200))))
  expect(all).toEqual([true, true, true])
  expect(sent).toEqual([['a', 'b'], ['c']])
})

test('a backend that is down is told of once, tried at growing intervals, and told of once when it is back', async () => {
  let down = 4
  const { batches, signals, pauses } = backend(() =>
    (down -= 1) >= 0 ? { is: 'later', reason: 'down' } : { is: 'taken' },
  )
  expect(await batches.send(spansOf('a'))).toBe(true)
  expect(signals.map(({ signal }) => signal)).toEqual(['log.warning', 'notice'])
  expect(pauses.slice(1)).toEqual([1_000, 2_000, 4_000, 8_000])
})

test('a run that is refused takes no other along', async () => {
  const { batches, sent, signals } = backend((spans) =>
    spans.some(({ traceId }) => traceId === 'bad') ? { is: 'refused', reason: 'bad' } : { is: 'taken' },
  )
  await Promise.all(['a', 'bad', 'c'].map((run) => batches.send(spansOf(run))))
  expect(sent).toEqual([['a', 'bad', 'c'], ['a'], ['bad'], ['c']])
  expect(signals).toHaveLength(1)
})

test('at the end what is left is tried once more, and what is not sent is let go of as unsent', async () => {
  const { batches, sent } = backend(() => ({ is: 'later', reason: 'down' }))
  const sending = [batches.send(spansOf('a', 600)), batches.send(spansOf('b'))]
  await batches.close()
  expect(await Promise.all(sending)).toEqual([false, false])
  expect(sent.every(([run]) => run === 'a')).toBe(true)
  expect(await batches.send(spansOf('c'))).toBe(false)
})
