/**
 * How another process opens the same log: a module and the JSON it is called with.
 *
 * Promise: whatever a suite does to a log in its own process, a child (`log-child.ts`, `work-child.ts`) can do too.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { WorkShare } from '#processors/ports/work-share.ts'

export interface Opener {
  /** URL of a file that exports `openEventLog(given)` or `openWorkShare(given)`. */
  readonly module: string
  /** Survives JSON. */
  readonly given: unknown
}

export interface OpenerModule {
  openEventLog(given: unknown): Promise<EventLog>
  /** Closing it also closes the log it opened for itself. */
  openWorkShare(given: unknown): Promise<WorkShare>
}

export async function openedBy(opener: Opener): Promise<OpenerModule> {
  return (await import(opener.module)) as OpenerModule
}

export interface Child<Line> {
  readonly pid: number
  /** What it printed so far, a JSON line each. */
  readonly lines: readonly Line[]
  kill(signal: NodeJS.Signals): void
  /** A line on its stdin. */
  tell(line: string): void
  /** Resolves with the exit code once it is gone; null after a kill. */
  readonly ended: Promise<number | null>
}

/** Starts a script of this folder with one JSON argument. Its stderr goes to ours; it dies with this process. */
export function startChild<Line>(script: 'log-child.ts' | 'work-child.ts', task: unknown): Child<Line> {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const child: ChildProcess = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', file, JSON.stringify(task)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const lines: Line[] = []
  const { stdin, stdout } = child
  if (stdin === null || stdout === null || child.pid === undefined) throw new Error('the child has no pipes')
  createInterface({ input: stdout }).on('line', (line) => lines.push(JSON.parse(line) as Line))
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const tell = (line: string): void => void stdin.write(`${line}\n`)
  return { pid: child.pid, lines, kill: (signal) => child.kill(signal), tell, ended }
}
