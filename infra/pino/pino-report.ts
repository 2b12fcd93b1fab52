/**
 * Signals as log lines on stderr: for people on a terminal, JSON otherwise.
 *
 * Promise: stdout stays free for answers; a known secret is in no line, whatever a signal says; a level that is off costs
 * one comparison.
 */
import { type DestinationStream, type Level, pino } from 'pino'
import type { Report, Signal } from '#processors/ports/report.ts'

export interface PinoReportOptions {
  readonly level: Level | 'silent'
  /** Replaced wherever they turn up. */
  readonly secrets: readonly string[]
  /** Lines for people. Default: whether stderr is a terminal. */
  readonly pretty?: boolean
  /** Of those. Default: whether stderr is a terminal. */
  readonly colour?: boolean
  readonly destination?: DestinationStream
}

export async function openPinoReport(options: PinoReportOptions): Promise<Report> {
  const { level, secrets, pretty = process.stderr.isTTY, colour = process.stderr.isTTY } = options
  const plain = options.destination ?? pino.destination({ fd: 2, sync: true })
  const destination = pretty ? await forPeople(plain, colour) : plain
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
  return (signal) => {
    const severity = severityOf(signal)
    if (!logger.isLevelEnabled(severity)) return
    const safe = withoutSecrets(tidy(signal), secrets)
    logger[severity](safe, sentenceOf(safe))
  }
}

/**
 * Loaded only where it is used: a server that logs JSON starts without it. The factory formats line by line, where the
 * package's stream would lose the last lines of a process that exits.
 */
async function forPeople(destination: DestinationStream, colour: boolean): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty')
  const format = prettyFactory({ colorize: colour, translateTime: 'SYS:HH:MM:ss', hideObject: true })
  return { write: (line) => destination.write(format(line)) }
}

function severityOf({ signal }: Signal): Level {
  switch (signal) {
    case 'append.finished':
    case 'store.folded':
    case 'progress':
      return 'trace'
    case 'run.started':
    case 'attempt.finished':
    case 'store.opened':
      return 'debug'
    case 'log.opened':
    case 'store.caught-up':
    case 'store.resumed':
    case 'run.completed':
    case 'notice':
      return 'info'
    case 'log.warning':
    case 'log.risk':
    case 'append.failed':
    case 'store.stalled':
    case 'record.parked':
    case 'run.lost':
      return 'warn'
    case 'store.stopped':
    case 'reactor.failed':
    case 'request.failed':
      return 'error'
  }
}

/** What a line says to people; the fields stand beside it in JSON. */
function sentenceOf(signal: Signal): string {
  switch (signal.signal) {
    case 'log.opened':
      return `log opened: ${signal.backend} (${signal.durability})`
    case 'log.warning':
    case 'log.risk':
    case 'notice':
      return signal.message
    case 'append.finished':
      return `${records(signal.records)} appended to ${signal.topic} in ${rounded(signal.durationMs)}`
    case 'append.failed':
      return `append to ${signal.topic} failed: ${signal.message} (${signal.code})`
    case 'store.opened':
      return `store ${signal.store} opened, version ${signal.version}`
    case 'store.caught-up':
      return `store ${signal.store} caught up with ${records(signal.records)} in ${rounded(signal.durationMs)}`
    case 'store.folded':
      return `store ${signal.store} folded ${signal.topic}:${signal.partition} up to ${signal.next} of ${signal.end}`
    case 'store.stalled':
      return `store ${signal.store} waits: ${signal.message} (${signal.code})`
    case 'store.resumed':
      return `store ${signal.store} goes on`
    case 'store.stopped':
      return `store ${signal.store} stopped: ${signal.message} (${signal.code})`
    case 'record.parked':
      return `${signal.by} set ${signal.at.topic}:${signal.at.partition}:${signal.at.offset} aside: ${signal.message} (${signal.code})`
    case 'reactor.failed':
      return `reactor ${signal.reactor} failed: ${signal.message} (${signal.code})`
    case 'request.failed':
      return `${signal.method} ${signal.route} failed: ${signal.message}`
    case 'run.started':
      return `run ${signal.runId} started`
    case 'run.completed':
      return `run ${signal.runId} ${signal.outcome} after ${signal.attempts} ${signal.attempts === 1 ? 'attempt' : 'attempts'} in ${rounded(signal.durationMs)}`
    case 'run.lost':
      return `run ${signal.runId} lost: ${signal.reason}`
    case 'attempt.finished': {
      const code = signal.code === undefined ? '' : ` (${signal.code})`
      return `${signal.provider} ${signal.model} ${signal.outcome}${code} in ${rounded(signal.durationMs)}`
    }
    case 'progress':
      return `${signal.of}: ${signal.done} of ${signal.total} ${signal.unit}`
  }
}

function records(count: number): string {
  return `${count} ${count === 1 ? 'record' : 'records'}`
}

function rounded(ms: number): string {
  return `${Math.round(ms)} ms`
}

/** Durations to the microsecond: what a float adds is noise. */
function tidy(signal: Signal): Signal {
  if (!('durationMs' in signal)) return signal
  return { ...signal, durationMs: Math.round(signal.durationMs * 1000) / 1000 }
}

function withoutSecrets(signal: Signal, secrets: readonly string[]): Signal {
  if (secrets.length === 0) return signal
  const hide = (value: unknown): unknown =>
    typeof value === 'string' ? secrets.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), value) : value
  return Object.fromEntries(Object.entries(signal).map(([name, value]) => [name, hide(value)])) as Signal
}
