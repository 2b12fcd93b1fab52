import { Presets, SingleBar } from 'cli-progress'
import pc from 'picocolors'

/**
 * Where output goes: answers on stdout, everything else on stderr.
 *
 * Promise: colour only on a terminal; a closed pipe ends the output quietly.
 */
export interface Print {
  /** The answer itself. */
  out(text: string): void
  /** Notes, progress, paths. */
  note(text: string): void
  error(message: string, remedy?: string): void
  json(value: unknown): void
  table(rows: readonly Readonly<Record<string, unknown>>[]): void
  /** A bar on stderr where that is a terminal, nothing elsewhere. */
  progress(): Progress
}

export interface Progress {
  show(of: string, done: number, total: number): void
  stop(): void
}

export function createPrint(): Print {
  process.stdout.on('error', endQuietly)
  const colour = pc.createColors(process.stderr.isTTY)
  const write = (text: string): void => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  const note = (text: string): void => void process.stderr.write(`${text}\n`)
  return {
    out: write,
    note: (text) => note(colour.dim(text)),
    error(message, remedy = '') {
      note(`${colour.red('error')}: ${message}`)
      if (remedy !== '') note(`  ${remedy}`)
    },
    json: (value) => write(JSON.stringify(value, undefined, 2)),
    table(rows) {
      if (rows.length > 0) write(asTable(rows))
    },
    progress: createProgress,
  }
}

function createProgress(): Progress {
  let bar: SingleBar | undefined
  return {
    show(of, done, total) {
      if (!process.stderr.isTTY) return
      if (bar === undefined) {
        bar = new SingleBar({ format: '{of} {bar} {percentage}% {value}/{total} {eta_formatted}', clearOnComplete: true }, Presets.shades_classic)
        bar.start(total, done, { of })
      } else {
        bar.setTotal(total)
        bar.update(done, { of })
      }
    },
    stop: () => bar?.stop(),
  }
}

function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}

function asTable(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const names = Object.keys(rows[0] ?? {})
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))]
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()).join('\n')
}
