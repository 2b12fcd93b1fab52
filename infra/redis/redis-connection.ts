/**
 * One connection to Redis that never sends a command twice by itself.
 *
 * Promise: `send` tries once and tells `unsent` from `cut`, so that whoever appends knows what may have happened (R6).
 * `ask` is for commands that may be repeated: it tries until it is answered, for as long as its caller is patient. The
 * connection itself comes back for as long as it is not closed; a peer that is silent for `silenceMs` counts as gone.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Failure } from '#processors/ports/failure.ts'
import { NotConnected, failureOf, isReply, staysWrong, troubleOf } from './redis-failure.ts'

export type Argument = string | number | Buffer

export interface RedisConnection {
  /** For people: the URL without credentials. */
  readonly address: string
  /** Grows each time the connection comes up; 0 before the first. */
  readonly epoch: number
  /** One try. Replies are as Redis gives them, every string a Buffer. */
  send(command: string, ...args: readonly Argument[]): Promise<unknown>
  /**
   * As many tries as fit into `patienceMs`. Errors: a `Failure`; the server's own error where it refused the command for
   * what it says, such as an unknown key; the signal's reason when it aborts.
   */
  ask(command: string, args: readonly Argument[], patience: Patience): Promise<unknown>
  /** Runs a script by its hash, sending its text where the server does not know it. */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown>
  /** Resolves once commands can be sent; says false when that took too long, or the signal aborted. */
  ready(timeoutMs: number, signal?: AbortSignal): Promise<boolean>
  /** Why it is not up, as far as known. */
  readonly lastError: Error | undefined
  close(): void
}

export interface Patience {
  /** What is being done, for the failure's message. */
  readonly doing: string
  readonly patienceMs: number
  readonly signal?: AbortSignal | undefined
}

export interface Script {
  readonly lua: string
  readonly sha: string
}

/** Between two tries on a connection that is up, ms. */
const PAUSE_MS = 50

export function connectRedis(
  url: string,
  options: {
    readonly silenceMs?: number
    /** Called each time it comes back, not the first time. */
    readonly onReturn?: () => void
  } = {},
): RedisConnection {
  const { silenceMs = 15_000, onReturn = () => {} } = options
  const address = addressOf(url)
  const client = new Redis(url, {
    connectionName: 'lattice',
    connectTimeout: 5_000,
    socketTimeout: silenceMs,
    // After a close nobody waits for an answer, and its timer would keep a command that has failed from ending.
    disconnectTimeout: 250,
    // Nothing is queued or sent again behind our back; a command of a lost connection fails at once.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A server that still reads its data answers LOADING, which `ask` waits out.
    enableReadyCheck: false,
    retryStrategy: (times) => Math.min(25 * 2 ** (times - 1), 1_000) + Math.random() * 25,
  })
  let closed = false
  let epoch = 0
  let lastError: Error | undefined
  const waiting = new Set<() => void>()

  client.on('ready', () => {
    epoch += 1
    lastError = undefined
    wake()
    if (epoch > 1) onReturn()
  })
  client.on('error', (error: Error) => {
    lastError = error
    if (isReply(error) || staysWrong(error)) wake()
  })

  function wake(): void {
    for (const go of waiting) go()
  }

  async function send(command: string, ...args: readonly Argument[]): Promise<unknown> {
    if (closed) throw closedFailure(address)
    if (client.status !== 'ready') throw new NotConnected(lastError?.message ?? 'not connected')
    return await client.callBuffer(command, [...args])
  }

  async function ready(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (client.status === 'ready') return true
    if (closed || signal?.aborted || timeoutMs <= 0) return false
    await new Promise<void>((resolve) => {
      const timer = timeoutMs < 2 ** 31 ? setTimeout(go, timeoutMs) : undefined
      function go(): void {
        clearTimeout(timer)
        waiting.delete(go)
        signal?.removeEventListener('abort', go)
        resolve()
      }
      waiting.add(go)
      signal?.addEventListener('abort', go)
    })
    return isReady()
  }

  function isReady(): boolean {
    return client.status === 'ready'
  }

  async function ask(command: string, args: readonly Argument[], patience: Patience): Promise<unknown> {
    const { doing, patienceMs, signal } = patience
    const until = performance.now() + patienceMs
    for (;;) {
      signal?.throwIfAborted()
      try {
        return await answered(send(command, ...args), until - performance.now(), signal)
      } catch (error) {
        if (error instanceof Failure || signal?.aborted) throw error
        const trouble = troubleOf(error)
        if (trouble === 'refused') throw error
        if (trouble === 'forbidden') throw failureOf(error, { doing, address })
        const left = until - performance.now()
        if (left <= 0) throw failureOf(error, { doing, address })
        if (isReady()) await pause(signal)
        else await ready(left, signal)
      }
    }
  }

  async function run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await send('evalsha', script.sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!isReply(error) || !error.message.includes('NOSCRIPT')) throw error
      return await send('eval', script.lua, keys.length, ...keys, ...args)
    }
  }

  return {
    address,
    get epoch() {
      return epoch
    },
    get lastError() {
      return lastError
    },
    send,
    ask,
    run,
    ready,
    close() {
      closed = true
      client.disconnect()
      wake()
    },
  }
}

export function closedFailure(address: string): Failure {
  return new Failure('log.closed', `the log on ${address} is closed`)
}

/** The answer, or an error of `cut` kind when it takes too long, or the signal's reason when it aborts. */
export function answered<T>(work: Promise<T>, timeoutMs: number, signal?: AbortSignal): Promise<T> {
  if (timeoutMs === Infinity && signal === undefined) return work
  return new Promise<T>((resolve, reject) => {
    const timer = timeoutMs < Infinity ? setTimeout(late, Math.max(1, timeoutMs)) : undefined
    signal?.addEventListener('abort', stop)
    work.then(
      (answer) => {
        over()
        resolve(answer)
      },
      (error: Error) => {
        over()
        reject(error)
      },
    )
    function late(): void {
      reject(new Error('no answer in time'))
    }
    function stop(): void {
      reject(signal?.reason as Error)
    }
    function over(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  })
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await sleep(PAUSE_MS, undefined, signal === undefined ? {} : { signal })
}

function addressOf(url: string): string {
  if (!URL.canParse(url)) return 'redis'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname.length > 1 ? pathname : ''}`
}
