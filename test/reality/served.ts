/**
 * What a user of a really serving process does and sees, for tests: posts, waits, reads, runs the command line beside it.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { assemble } from '#infra/assemble.ts'
import { readConfig } from '#infra/config/config.ts'
import type { Given } from '#processors/given.ts'
import { startServing } from '#test/crash/serving-process.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'

type Env = Readonly<Record<string, string>>

export interface Posted {
  readonly runId: string
  readonly position: string
}

export interface Event {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface Printed {
  readonly code: number | null
  readonly out: string
  readonly errors: string
}

export interface World {
  readonly folder: string
  readonly env: Env
  /** Another process on the same data; all are killed at the end. */
  serve(more?: { env?: Env; arguments?: readonly string[]; port?: number }): Promise<ServingProcess>
  lattice(args: readonly string[], more?: { env?: Env; stdin?: string }): Promise<Printed>
  /** The ports as the program has them, for writing to the log what no door lets in. */
  withGiven(work: (given: Given) => Promise<void>): Promise<void>
  close(): void
}

export function createWorld(env: Env): World {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-reality-'))
  const serving: ServingProcess[] = []
  return {
    folder,
    env,
    async serve({ env: more, ...options } = {}) {
      const one = await startServing({ folder, env: { ...env, ...more }, ...options })
      serving.push(one)
      return one
    },
    lattice: (args, { env: more, stdin } = {}) => program(args, { folder, env: { ...env, ...more }, stdin }),
    async withGiven(work) {
      const { config } = readConfig({ env, folder })
      const { given, close } = await assemble(config, () => {})
      try {
        await work(given)
      } finally {
        await given.log.close()
        await close()
      }
    },
    close() {
      for (const { child } of serving) child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

const main = join(import.meta.dirname, '../../api/main.ts')

export function startLattice(args: readonly string[], { folder, env }: { folder: string; env: Env }) {
  return spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

async function program(
  args: readonly string[],
  given: { folder: string; env: Env; stdin: string | undefined },
): Promise<Printed> {
  const child = startLattice(args, given)
  const printed = readAll(child)
  child.stdin.on('error', () => {})
  child.stdin.end(given.stdin ?? '')
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, ...printed() }
}

export function readAll(child: ReturnType<typeof startLattice>): () => { out: string; errors: string } {
  const out: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes))
  return () => ({ out: Buffer.concat(out).toString('utf8'), errors: Buffer.concat(errors).toString('utf8') })
}

export function send(
  { url }: ServingProcess,
  body: Readonly<Record<string, unknown>>,
  headers: Env = {},
): Promise<Response> {
  return fetch(`${url}/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  })
}

export async function post(serving: ServingProcess, body: Readonly<Record<string, unknown>>): Promise<Posted> {
  const response = await send(serving, body)
  expect(response.status, response.status === 202 ? '' : await response.clone().text()).toBe(202)
  return (await response.json()) as Posted
}

/** The run once it has ended. */
export async function ended(
  { url }: ServingProcess,
  { runId }: Pick<Posted, 'runId'>,
  withinMs = 60_000,
): Promise<Record<string, unknown>> {
  let run: Record<string, unknown> = {}
  await eventually(
    async () => {
      const response = await fetch(`${url}/v1/runs/${runId}`)
      run = (await response.json()) as Record<string, unknown>
      return run['status'] === 'done'
    },
    { withinMs, what: () => `run ${runId} does not end: ${JSON.stringify(run).slice(0, 500)}` },
  )
  return run
}

export async function eventsOf({ url }: ServingProcess, runId: string): Promise<Event[]> {
  const response = await fetch(`${url}/v1/runs/${runId}/events`)
  return ((await response.json()) as { events: Event[] }).events
}

/** Every store of this process has folded all of the log. */
export function caughtUp({ url }: ServingProcess): Promise<void> {
  let last = ''
  return eventually(
    async () => {
      last = await (await fetch(`${url}/v1/stores`)).text()
      return (JSON.parse(last) as { stores: { lagRecords: number }[] }).stores.every(
        ({ lagRecords }) => lagRecords === 0,
      )
    },
    { what: () => `stores do not catch up: ${last}` },
  )
}

export async function eventually(
  holds: () => boolean | Promise<boolean>,
  { withinMs = 30_000, what }: { withinMs?: number; what: () => string },
): Promise<void> {
  const end = performance.now() + withinMs
  let fault = ''
  for (;;) {
    try {
      if (await holds()) return
    } catch (error) {
      fault = String(error)
    }
    if (performance.now() > end) throw new Error(`${what()} ${fault}`)
    await pause(50)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export function rowsOf(path: string): Record<string, unknown>[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  } catch {
    return []
  }
}

export function* filesIn(folder: string): Generator<[path: string, bytes: string]> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    yield [path, readFileSync(path, 'latin1')]
  }
}

export async function rebuiltEqual({ lattice }: World, store: string): Promise<void> {
  const rebuilt = await lattice(['store', 'rebuild', store])
  expect(rebuilt.code, `${store}: ${rebuilt.out}${rebuilt.errors}`).toBe(0)
  const diff = await lattice(['store', 'diff', store])
  expect(diff.code, `${store}: ${diff.out}${diff.errors}`).toBe(0)
}
