/**
 * What a user of a really serving process does and sees, for tests: posts, waits, reads, runs the command line beside it.
 */
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { assemble } from '#infra/assemble.ts'
import { readConfig } from '#infra/config/config.ts'
import type { Given } from '#processors/given.ts'
import { toHeaders } from '#schemas/wire/headers.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type Ended, type Program, startProgram } from '#test/crash/program.ts'
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

interface ProgramMore {
  readonly env?: Env
  readonly stdin?: string
}

export interface World {
  readonly folder: string
  readonly env: Env
  /** Another process on the same data; all are killed at the end. */
  serve(more?: { env?: Env; arguments?: readonly string[]; port?: number }): Promise<ServingProcess>
  lattice(args: readonly string[], more?: ProgramMore): Promise<Ended>
  /** One that the test ends. */
  start(args: readonly string[], more?: ProgramMore): Program
  /** The ports as the program has them, for writing to the log what no door lets in. */
  withGiven(work: (given: Given) => Promise<void>): Promise<void>
  close(): void
}

export function createWorld(env: Env): World {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-reality-'))
  const started: ChildProcess[] = []
  const start: World['start'] = (args, { env: more, stdin } = {}) => {
    const one = startProgram(args, { folder, env: { ...env, ...more }, stdin })
    started.push(one.child)
    return one
  }
  return {
    folder,
    env,
    async serve({ env: more, ...options } = {}) {
      const one = await startServing({ folder, env: { ...env, ...more }, ...options })
      started.push(one.child)
      return one
    },
    lattice: (args, more) => start(args, more).ended,
    start,
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
      for (const child of started) child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
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
    () => `run ${runId} does not end: ${JSON.stringify(run).slice(0, 500)}`,
    async () => {
      const response = await fetch(`${url}/v1/runs/${runId}`)
      run = (await response.json()) as Record<string, unknown>
      return run['status'] === 'done'
    },
    { deadlineMs: withinMs },
  )
  return run
}

export async function eventsOf({ url }: ServingProcess, runId: string): Promise<Event[]> {
  const response = await fetch(`${url}/v1/runs/${runId}/events`)
  return ((await response.json()) as { events: Event[] }).events
}

/** Every store of this process has folded all of the log. */
export async function caughtUp({ url }: ServingProcess): Promise<void> {
  let last = ''
  await eventually(
    () => `stores do not catch up: ${last}`,
    async () => {
      last = await (await fetch(`${url}/v1/stores`)).text()
      return (JSON.parse(last) as { stores: { lagRecords: number }[] }).stores.every(
        ({ lagRecords }) => lagRecords === 0,
      )
    },
    { deadlineMs: 30_000 },
  )
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

export async function rebuiltEqual({ lattice }: World, store: string, env: Env = {}): Promise<void> {
  const rebuilt = await lattice(['store', 'rebuild', store], { env })
  expect(rebuilt.code, `${store}: ${rebuilt.stdout}${rebuilt.stderr}`).toBe(0)
  const diff = await lattice(['store', 'diff', store])
  expect(diff.code, `${store}: ${diff.stdout}${diff.stderr}`).toBe(0)
}

/** Headers of a record somebody else wrote. */
export function foreignHeaders(type: string): Record<string, string> {
  const time = '2026-01-01T00:00:00.000Z'
  return toHeaders({ id: randomUUID(), type, source: '/test', subject: 'x', time })
}
