/**
 * A real `lattice serve` as a child process that a test may kill and start again on the same data and port.
 */
import type { ChildProcess } from 'node:child_process'
import { freePort } from '#scripts/services/ports.ts'
import { type ProgramOptions, startProgram } from './program.ts'

export interface ServingProcess {
  readonly url: string
  readonly child: ChildProcess
  /** Everything it wrote. */
  output(): string
  /** Resolves when it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>
}

export interface ServingOptions extends Pick<ProgramOptions, 'folder' | 'env'> {
  readonly port?: number
  readonly arguments?: readonly string[]
}

const startWithinMs = 60_000

export async function startServing(options: ServingOptions): Promise<ServingProcess> {
  const port = options.port ?? (await freePort())
  const { child, said } = startProgram(['serve', ...(options.arguments ?? [])], {
    folder: options.folder,
    env: { LATTICE_PORT: String(port), ...options.env },
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const output = (): string => said().stdout + said().stderr
  const url = `http://127.0.0.1:${port}`
  const until = Date.now() + startWithinMs
  while (!(await answers(`${url}/ready`))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > until) {
      child.kill('SIGKILL')
      throw new Error(`lattice serve did not start:\n${output()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return {
    url,
    child,
    output,
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
