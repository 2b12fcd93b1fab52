/**
 * A real `lattice serve` as a child process that a test may kill and start again on the same data and port.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { freePort } from '#scripts/services/ports.ts'

export interface ServingProcess {
  readonly url: string
  readonly child: ChildProcess
  /** Everything it wrote. */
  output(): string
  /** Resolves when it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>
}

export interface ServingOptions {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly port?: number
  readonly arguments?: readonly string[]
}

const main = join(import.meta.dirname, '../../api/main.ts')
const startWithinMs = 60_000

/** Starts the program in a folder, with nothing of this process's environment but the path. */
export function startProgram(
  args: readonly string[],
  { folder, env }: Pick<ServingOptions, 'folder' | 'env'>,
): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

export async function startServing(options: ServingOptions): Promise<ServingProcess> {
  const port = options.port ?? (await freePort())
  const child = startProgram(['serve', ...(options.arguments ?? [])], {
    folder: options.folder,
    env: { LATTICE_PORT: String(port), ...options.env },
  })
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()))
  child.stderr?.on('data', (bytes: Buffer) => (output += bytes.toString()))
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  const until = Date.now() + startWithinMs
  while (!(await answers(`${url}/ready`))) {
    if (child.exitCode !== null || Date.now() > until) throw new Error(`lattice serve did not start:\n${output}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return {
    url,
    child,
    output: () => output,
    async kill(signal) {
      child.kill(signal)
      await gone
    },
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  )
}
