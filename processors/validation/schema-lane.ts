import { Worker } from 'node:worker_threads'
import type { SchemaAnswer, SchemaQuestion } from './schema-thread.ts'

/**
 * A thread that answers questions about foreign schemas, one at a time, in the order they are asked; of those by a schema it
 * knows and those by a new one in turn, so that a flood of either keeps nobody waiting who asks of the other kind.
 *
 * Promise: every question is answered: the thread has a bounded memory, and is killed and begun anew when it doesn't answer
 * (`gone`); beyond `mostWaiting` a question is not taken (`crowded`). It ends when nobody asks, and keeps no process alive.
 */
export type LaneAnswer = SchemaAnswer | { readonly gone: true } | { readonly crowded: true }

export interface SchemaLane {
  ask(question: Omit<SchemaQuestion, 'ms'>): Promise<LaneAnswer>
}

export interface SchemaLaneOptions {
  /** For compiling and for judging, each. */
  readonly ms: number
  readonly memoryMb?: number
  readonly mostWaiting?: number
}

/** Beside compiling and judging a large answer has to be read. */
const killAfterMs = 10_000
const idleMs = 30_000
/** As many as the thread keeps. */
const mostCompiled = 64

interface Waiting {
  readonly question: SchemaQuestion
  readonly tell: (said: LaneAnswer) => void
}

export function openSchemaLane({ ms, memoryMb = 512, mostWaiting = 1000 }: SchemaLaneOptions): SchemaLane {
  const unknown: Waiting[] = []
  const known: Waiting[] = []
  /** Schemas the thread has compiled, as far as that is known here; most recently used last. */
  const compiled = new Set<string>()
  let lastOfKnown = false
  let thread: Worker | undefined
  let asked: Waiting | undefined
  let timer: NodeJS.Timeout | undefined

  function askNext(): void {
    if (asked !== undefined) return
    const [first, second] = lastOfKnown ? [unknown, known] : [known, unknown]
    asked = first.shift() ?? second.shift()
    clearTimeout(timer)
    if (asked === undefined) {
      thread?.unref()
      timer = setTimeout(end, idleMs).unref()
      return
    }
    thread ??= begin()
    lastOfKnown = compiled.has(asked.question.schema)
    // While a question is open it keeps this process alive.
    thread.ref()
    thread.postMessage(asked.question)
    timer = setTimeout(end, killAfterMs)
  }

  function begin(): Worker {
    const worker = new Worker(new URL('./schema-thread.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 16 },
      env: {},
    })
    worker.on('message', (said: SchemaAnswer) => {
      if (worker === thread) answered(said)
    })
    // What it dies of is told by its end.
    worker.on('error', () => {})
    worker.once('exit', () => {
      if (worker === thread) end()
    })
    return worker
  }

  /** The thread is given up; the next question begins another. */
  function end(): void {
    const given = thread
    thread = undefined
    compiled.clear()
    void given?.terminate()
    if (asked !== undefined) answered({ gone: true })
  }

  function answered(said: LaneAnswer): void {
    const { tell, question } = asked ?? {}
    asked = undefined
    if (question !== undefined) {
      compiled.delete(question.schema)
      if ('findings' in said) compiled.add(question.schema)
      for (const oldest of compiled) if (compiled.size > mostCompiled) compiled.delete(oldest)
    }
    tell?.(said)
    askNext()
  }

  return {
    ask(question) {
      const waiting = compiled.has(question.schema) ? known : unknown
      if (waiting.length >= mostWaiting) return Promise.resolve({ crowded: true })
      return new Promise((tell) => {
        waiting.push({ question: { ...question, ms }, tell })
        askNext()
      })
    },
  }
}
