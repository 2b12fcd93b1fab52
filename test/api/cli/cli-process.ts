/**
 * The real program in a folder of its own, with nothing of this process's environment but the path.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram } from '#test/crash/serving-process.ts'

/** Code that one process has compiled is not compiled again by the next. */
const compiled = { NODE_COMPILE_CACHE: join(tmpdir(), 'lattice-compiled') }

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
  /** What is on stdin. */
  readonly input?: string
}

const root = join(import.meta.dirname, '../../..')

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

export async function lattice(
  args: readonly string[],
  { folder, env = keyless, input }: CliOptions,
): Promise<CliResult> {
  if (input !== undefined) return collect(inShell('exec "$0" "$@"', args, { folder, env, input }))
  return collect(startLattice(args, { folder, env }))
}

/** One that the test ends. */
export function startLattice(args: readonly string[], { folder, env = keyless }: CliOptions): ReturnType<typeof spawn> {
  return startProgram(args, { folder, env: { ...compiled, ...env } })
}

/** A line of shell, in which `"$0" "$@"` is the program with its arguments. */
export async function shell(
  line: string,
  args: readonly string[],
  { folder, env = keyless }: CliOptions,
): Promise<CliResult> {
  return collect(inShell(line, args, { folder, env, input: '' }))
}

function inShell(
  line: string,
  args: readonly string[],
  { folder, env, input }: Required<CliOptions>,
): ReturnType<typeof spawn> {
  const child = spawn('bash', ['-o', 'pipefail', '-c', line, process.execPath, join(root, 'api/main.ts'), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...compiled, ...env },
    stdio: 'pipe',
  })
  child.stdin.end(input)
  return child
}

/** Everything it says, once it has ended. */
export function collect(child: ReturnType<typeof spawn>): Promise<CliResult> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (bytes: Buffer) => (stdout += bytes.toString()))
  child.stderr?.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}

/** What is printed as `run id    <id>`. */
export function runIdIn({ stderr }: CliResult): string {
  return /^run id {4}(\S+)$/m.exec(stderr)?.[1] ?? ''
}
