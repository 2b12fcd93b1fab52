/** Signals as lines. */
import { expect, test } from 'vitest'
import { openPinoReport, type PinoReportOptions } from '#infra/pino/pino-report.ts'
import { anySignal } from '#test/infra/any-signal.ts'

async function linesOf(options: Partial<PinoReportOptions>, signals = anySignal): Promise<string[]> {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const report = await openPinoReport({ level: 'trace', secrets: [], pretty: false, destination, ...options })
  for (const signal of signals) report(signal)
  return lines
}

test('each signal is one line of JSON with its fields and a sentence', async () => {
  const lines = await linesOf({})
  const read = lines.map((line) => JSON.parse(line) as { signal: string; msg: string })
  expect(read.map(({ signal }) => signal)).toEqual(anySignal.map(({ signal }) => signal))
  expect(read.filter(({ msg }) => !/\w/.test(msg))).toEqual([])
})

test('durations carry no noise of floats, and one is not many', async () => {
  const [line] = await linesOf({}, [
    { signal: 'store.caught-up', store: 'lookup', records: 1, durationMs: 12.345678901 },
  ])
  expect(JSON.parse(line ?? '')).toMatchObject({
    durationMs: 12.346,
    msg: 'store lookup caught up with 1 record in 12 ms',
  })
})

test('the level leaves out what is below it', async () => {
  const levels = await Promise.all(
    (['debug', 'info', 'warn', 'error', 'silent'] as const).map(async (level) => (await linesOf({ level })).length),
  )
  expect(levels).toEqual(levels.toSorted((a, b) => b - a))
  expect(levels[0]).toBeLessThan(anySignal.length)
  expect(levels.at(-1)).toBe(0)
})

test('people read a sentence a line, with colour', async () => {
  const [line] = await linesOf({ pretty: true, colour: true }, [
    { signal: 'store.stalled', store: 'runs', code: 'log.full', message: 'the disk is full' },
  ])
  expect(line).toContain('store runs waits: the disk is full (log.full)')
  expect(line).toContain('\u001B[')
  expect(line?.trimEnd()).not.toContain('\n')
})

test('a known secret is in no line, in either form', async () => {
  for (const pretty of [true, false]) {
    const lines = await linesOf({ pretty, secrets: ['s3cr3t-key'] }, [
      { signal: 'notice', message: 'opened redis://:s3cr3t-key@host' },
      { signal: 'run.lost', runId: 's3cr3t-key', reason: 'x' },
    ])
    expect(lines.join('')).not.toContain('s3cr3t-key')
    expect(lines.join('')).toContain('[redacted]')
  }
})
