/**
 * The real program in a folder, with nothing of this process's environment but the path.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

export interface ProgramOptions {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** All there is on stdin. */
  readonly stdin?: string | undefined
}

export interface Said {
  readonly stdout: string
  readonly stderr: string
}

export interface Ended extends Said {
  /** Null after a kill. */
  readonly code: number | null
}

export interface Program {
  readonly child: ChildProcess
  /** What it has said by now. */
  said(): Said
  readonly ended: Promise<Ended>
}

export const main = join(import.meta.dirname, '../../api/main.ts')

export function startProgram(args: readonly string[], { folder, env, stdin = '' }: ProgramOptions): Program {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: bare(folder, env), stdio: 'pipe' })
  // It may end before it has read all.
  child.stdin.on('error', () => {}).end(stdin)
  return programOf(child)
}

export function programOf(child: ChildProcess): Program {
  const [out, errors]: [Buffer[], Buffer[]] = [[], []]
  child.stdout?.on('data', (bytes: Buffer) => out.push(bytes))
  child.stderr?.on('data', (bytes: Buffer) => errors.push(bytes))
  const said = () => ({ stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(errors).toString('utf8') })
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, ...said() })))
  return { child, said, ended }
}

export function bare(folder: string, env: Readonly<Record<string, string>>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: folder, ...env }
}
