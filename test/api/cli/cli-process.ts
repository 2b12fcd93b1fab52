/**
 * The real program as a user at a shell has it: a folder with a README, and no model but the built-in one.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bare, type Ended, main, type Program, programOf, type Said, startProgram } from '#test/crash/program.ts'

/** Code that one process has compiled is not compiled again by the next. */
const compiled = { NODE_COMPILE_CACHE: join(tmpdir(), 'lattice-compiled') }

export interface CliOptions {
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
  /** What is on stdin. */
  readonly stdin?: string
}

/** No local model server of the machine may answer for the built-in one. */
export const keyless = { LATTICE_PROVIDER_ORDER: 'groq' }

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-cli-'))
  writeFileSync(join(folder, 'README.md'), '# Tidewater\n\nTidewater keeps a lighthouse log for harbour pilots.\n')
  return folder
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

export async function lattice(args: readonly string[], options: CliOptions): Promise<Ended> {
  return await startLattice(args, options).ended
}

/** One that the test ends. */
export function startLattice(args: readonly string[], { folder, env = keyless, stdin }: CliOptions): Program {
  return startProgram(args, { folder, env: { ...compiled, ...env }, stdin })
}

/** A line of shell, in which `"$0" "$@"` is the program with its arguments. */
export async function shell(
  line: string,
  args: readonly string[],
  { folder, env = keyless }: CliOptions,
): Promise<Ended> {
  const given = [process.execPath, main, ...args]
  const child = spawn('bash', ['-o', 'pipefail', '-c', line, ...given], {
    cwd: folder,
    env: bare(folder, { ...compiled, ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return await programOf(child).ended
}

/** What is printed as `run id    <id>`. */
export function runIdIn({ stderr }: Said): string {
  return /^run id {4}(\S+)$/m.exec(stderr)?.[1] ?? ''
}
