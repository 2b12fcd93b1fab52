/**
 * Foreign SQL in child processes: what a query cannot be asked to stop, a kill does.
 *
 * Promise: a query that takes too long, takes too much memory or is not wanted any more is gone within a tenth of a
 * second, whatever DuckDB is doing (`repeat('x', 2e9)` ignores an interrupt for 13 s). A child that answered is kept for
 * the next query, and ends when there has been none for a while.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Failure } from '#processors/ports/failure.ts'
import type { SqlRows, SqlSandbox } from '#processors/ports/sql-sandbox.ts'
import type { SandboxReply, SandboxTask } from './duckdb-sandbox-child.ts'

export interface DuckdbSqlSandboxOptions {
  /** Queries at a time; others wait, within their own time. Default 2. */
  readonly processes?: number
  /** What DuckDB's buffers may take in each child. Default 256MB. */
  readonly memoryLimit?: string
  /** What a whole child may take, where the system tells (Linux). Default 1 GiB. */
  readonly residentBytes?: number
  /** Default 1. */
  readonly threads?: number
  /** How long a child waits for another query. Default 30,000 ms. */
  readonly idleMs?: number
}

interface Worker {
  readonly child: ChildProcess
  idleTimer: NodeJS.Timeout | undefined
}

const watchEveryMs = 50

export function openDuckdbSqlSandbox(options: DuckdbSqlSandboxOptions = {}): SqlSandbox {
  const { processes = 2, memoryLimit = '256MB', residentBytes = 1 << 30, threads = 1, idleMs = 30_000 } = options
  const settings = { memory_limit: memoryLimit, threads: String(threads) }
  const idle: Worker[] = []
  const alive = new Set<Worker>()
  const waiting = new Set<() => void>()
  const underWay = new Set<AbortController>()
  let busy = 0
  let closed = false

  function start(): Worker {
    const file = fileURLToPath(import.meta.resolve('#infra/duckdb/duckdb-sandbox-child.ts'))
    const child = fork(file, {
      serialization: 'advanced',
      env: {},
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const worker: Worker = { child, idleTimer: undefined }
    alive.add(worker)
    child.once('exit', () => {
      alive.delete(worker)
      forget(worker)
    })
    child.on('error', () => child.kill('SIGKILL'))
    return worker
  }

  function forget(worker: Worker): void {
    clearTimeout(worker.idleTimer)
    const at = idle.indexOf(worker)
    if (at >= 0) idle.splice(at, 1)
  }

  function take(): Worker {
    const worker = idle.at(-1) ?? start()
    forget(worker)
    // While a query runs the child keeps this process alive.
    worker.child.ref()
    worker.child.channel?.ref()
    return worker
  }

  function giveBack(worker: Worker): void {
    const { child } = worker
    // What a large query leaves behind would count against the next one.
    if (closed || residentSize(child.pid) > residentBytes / 2) child.kill('SIGKILL')
    if (child.killed || !alive.has(worker)) return
    idle.push(worker)
    worker.idleTimer = setTimeout(() => child.kill('SIGKILL'), idleMs).unref()
    child.unref()
    child.channel?.unref()
  }

  async function turn(stop: AbortSignal): Promise<void> {
    if (busy < processes) return void busy++
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        waiting.delete(go)
        stop.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        waiting.delete(go)
        reject(reasonOf(stop))
      }
      waiting.add(go)
      stop.addEventListener('abort', leave, { once: true })
    })
  }

  function nextTurn(): void {
    const [first] = waiting
    if (first === undefined) busy--
    else first()
  }

  async function ask(task: SandboxTask, stop: AbortSignal): Promise<SqlRows> {
    if (stop.aborted) throw reasonOf(stop)
    const worker = take()
    const { child } = worker
    let reason: Error | undefined
    const kill = (why: Error): void => {
      reason ??= why
      child.kill('SIGKILL')
    }
    const leave = (): void => kill(reasonOf(stop))
    const watch = setInterval(() => {
      if (residentSize(child.pid) > residentBytes) kill(stopped('took more memory than it may'))
    }, watchEveryMs)
    stop.addEventListener('abort', leave, { once: true })
    const ended = new AbortController()
    try {
      const reply = await Promise.race([
        once(child, 'message', { signal: ended.signal }).then(([message]) => message as SandboxReply),
        once(child, 'exit', { signal: ended.signal }).then(() => undefined),
        new Promise<undefined>((resolve) => child.send(task, (error) => error !== null && resolve(undefined))),
      ])
      if (reply === undefined) {
        child.kill('SIGKILL')
        throw reason ?? stopped('ended its process')
      }
      if ('rows' in reply) return reply.rows
      throw new Failure('request.invalid', reply.error.slice(0, 2_000), { remedy: 'Correct the query.' })
    } finally {
      ended.abort()
      clearInterval(watch)
      stop.removeEventListener('abort', leave)
      giveBack(worker)
    }
  }

  return {
    async run(database, sql, options = {}) {
      if (closed) throw stopped('came after the end')
      const { values = [], maxRows = 10_000, maxBytes = 32 * 1024 * 1024, timeoutMs = 30_000, signal } = options
      signal?.throwIfAborted()
      const stop = new AbortController()
      const timer = setTimeout(() => stop.abort(stopped(`took longer than ${timeoutMs} ms`)), timeoutMs)
      const leave = (): void => stop.abort(signal?.reason)
      signal?.addEventListener('abort', leave)
      underWay.add(stop)
      try {
        await turn(stop.signal)
        try {
          return await ask({ database, settings, sql, values, maxRows, maxBytes }, stop.signal)
        } finally {
          nextTurn()
        }
      } finally {
        underWay.delete(stop)
        clearTimeout(timer)
        signal?.removeEventListener('abort', leave)
      }
    },
    async close() {
      closed = true
      for (const stop of underWay) stop.abort(stopped('was ended with all others'))
      const ends = [...alive].map(({ child }) => new Promise((resolve) => child.once('exit', resolve)))
      for (const { child } of alive) {
        child.ref()
        child.kill('SIGKILL')
      }
      await Promise.all(ends)
    },
  }
}

function reasonOf(stop: AbortSignal): Error {
  return stop.reason instanceof Error ? stop.reason : new DOMException('aborted', 'AbortError')
}

function stopped(why: string): Failure {
  return new Failure('query.stopped', `the query ${why}`, { remedy: 'Ask for less.' })
}

/** Bytes of memory a process has; 0 where that cannot be told. */
function residentSize(pid: number | undefined): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
