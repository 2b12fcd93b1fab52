import type { SingleBar } from 'cli-progress'
import pc from 'picocolors'

/**
 * Where output goes: answers on stdout, everything else on stderr.
 *
 * Promise: colour and bars only on a terminal; nothing in a table or a note moves the cursor. A pipe that nobody reads
 * any more is told once, and what would be written to it is dropped.
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

export function createPrint(unread: () => void): Print {
  let isRead = true
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    isRead = false
    unread()
  })
  process.stderr.on('error', () => {})
  const colour = pc.createColors(process.stderr.isTTY && pc.isColorSupported)
  const write = (text: string): void => {
    if (isRead) process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  }
  const note = (text: string): void => void process.stderr.write(`${text}\n`)
  return {
    out: write,
    note: (text) => note(colour.dim(harmless(text))),
    error(message, remedy = '') {
      note(`${colour.red('error')}: ${harmless(message)}`)
      if (remedy !== '') note(`  ${harmless(remedy)}`)
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
  let latest: { of: string; done: number; total: number } | undefined
  let state: 'new' | 'shown' | 'stopped' = 'new'

  /** The bar is loaded when there is something to show. */
  async function start(): Promise<void> {
    const { Presets, SingleBar: Bar } = await import('cli-progress')
    if (state === 'stopped') return
    const format = '{of} {bar} {percentage}% {value}/{total} {eta_formatted}'
    bar = new Bar({ format, clearOnComplete: true }, Presets.shades_classic)
    if (latest !== undefined) bar.start(latest.total, latest.done, { of: latest.of })
  }
  return {
    show(of, done, total) {
      if (!process.stderr.isTTY) return
      latest = { of, done, total }
      if (state === 'new') {
        state = 'shown'
        void start()
      }
      bar?.setTotal(total)
      bar?.update(done, { of })
    },
    stop() {
      state = 'stopped'
      bar?.stop()
    },
  }
}

function asTable(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const names = Object.keys(rows[0] ?? {})
  const lines = [names, ...rows.map((row) => names.map((name) => harmless(cell(row[name])).replaceAll('\n', ' ')))]
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Without what a terminal would obey. */
function harmless(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, ' ')
}
