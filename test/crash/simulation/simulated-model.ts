/**
 * The steps of a run with simulated models behind them: other answers each time, some good, some failures, some silence.
 *
 * Promise: as real ones: a call settles within its time or soon after an abort; a call that reached the model is counted
 * whatever became of it, and its number is in the body it answers with.
 */
import type { CallResult, Steps } from '#processors/runs/steps.ts'
import { unpaid } from '#processors/runs/missing-results.ts'
import type { RunState } from '#processors/runs/run.ts'
import type { EventData } from '#schemas/event.ts'
import { sampleAnswer, sampleAttempt } from '#test/schemas/sample-data.ts'
import type { Random } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'

export interface UpstreamCall {
  /** Stands in the raw body of the answer, and so in the event that records it. */
  readonly id: string
  readonly runId: string
  readonly attempt: number
  readonly life: Life
}

/** A step that breaks: thrown by what a run's steps stand on, such as a missing object. */
export class BrokenStep extends Error {}

export interface ModelFaults {
  /** Calls that fail, and those that never answer. */
  failing: number
  hanging: number
  /** Searches and verdicts that never come. */
  stuck: number
  /** Searches and verdicts that throw. */
  broken: number
}

export function isGood(content: EventData['attempt.completed']['content']): boolean {
  return typeof content === 'string' && content.startsWith('good')
}

const failures = [
  { code: 'rate-limited', httpStatus: 429, retryable: true, retryAfterMs: 700 },
  { code: 'rate-limited', httpStatus: 429, retryable: true, retryAfterMs: null },
  { code: 'overloaded', httpStatus: 503, retryable: true, retryAfterMs: null },
  { code: 'cut', httpStatus: null, retryable: true, retryAfterMs: null },
  { code: 'unauthorized', httpStatus: 401, retryable: false, retryAfterMs: null },
  { code: 'rejected', httpStatus: 400, retryable: false, retryAfterMs: null },
] as const

export function simulatedSteps(given: {
  scheduler: Scheduler
  random: Random
  life: Life
  latency: () => number
  faults: ModelFaults
  calls: UpstreamCall[]
  /** Told what an owner takes for its run's state when it plans an attempt. */
  planned: (run: RunState, life: Life) => void
}): Steps {
  const { scheduler, random, life, latency, faults, calls } = given

  /** An await of this process; it ends at once when the signal does. */
  function pass(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = scheduler.after(ms, life, resolve)
      signal?.addEventListener('abort', () => {
        timer.cancel()
        resolve()
      })
    })
  }

  async function work(signal: AbortSignal): Promise<void> {
    if (random.chance(faults.stuck)) await new Promise(() => {})
    await pass(latency(), signal)
    if (random.chance(faults.broken)) throw new BrokenStep('simulated')
  }

  async function call(
    asked: EventData['attempt.started'],
    runId: string,
    options: { signal: AbortSignal; timeoutMs: number },
  ): Promise<CallResult> {
    const { signal, timeoutMs } = options
    const { attempt, provider, model } = asked
    const began = scheduler.now
    let raw = ''
    const failed = (failure: {
      code: string
      retryable: boolean
      httpStatus?: number | null
      retryAfterMs?: number | null
    }): CallResult => {
      const data = {
        attempt,
        provider,
        model,
        message: 'simulated',
        httpStatus: null,
        retryAfterMs: null,
        raw,
        ...unpaid,
        ...failure,
      }
      return { type: 'attempt.failed', data: { ...data, durationMs: scheduler.now - began } }
    }
    if (signal.aborted) return failed({ code: 'cancelled', retryable: false })
    raw = `call-${calls.length}`
    calls.push({ id: raw, runId, attempt, life })
    const takesMs = random.chance(faults.hanging) ? Infinity : random.between(1, 1500) + latency()
    await pass(Math.min(takesMs, timeoutMs), signal)
    if (signal.aborted) return failed({ code: 'cancelled', retryable: false })
    if (takesMs > timeoutMs) return failed({ code: 'timeout', retryable: true })
    if (random.chance(faults.failing)) return failed(random.pick(failures))
    const content = `${random.chance(0.3) ? 'good' : 'bad'} ${raw} ${random.next()}`
    const spent = { costMicroUsd: random.between(0, 40), durationMs: scheduler.now - began }
    const data = sampleAnswer({
      attempt,
      provider,
      model,
      content,
      raw,
      finishReason: 'stop',
      promptTokens: 7,
      ...spent,
    })
    return { type: 'attempt.completed', data }
  }

  return {
    async retrieve(run, signal) {
      const began = scheduler.now
      await work(signal)
      const { query, corpora } = run.spec.retrieval!
      const found = { documents: 1, hits: [], passages: [], position: 'simulated/documents.v1:0:0' }
      return { query, corpora, ...found, durationMs: scheduler.now - began }
    },
    async attempt(run, { attempt, tier, choice }) {
      given.planned(run, life)
      if (random.chance(0.5)) await pass(latency())
      const started = sampleAttempt({ attempt, tier, ...choice })
      return { started, call: (options) => call(started, run.runId, options) }
    },
    async validate(_run, { attempt, result }, validator, signal) {
      const began = scheduler.now
      await work(signal)
      const passed = result?.is === 'completed' && isGood(result.content)
      const findings = passed ? [] : [{ kind: 'Bad', message: 'it is bad', path: null, code: null }]
      const durationMs = scheduler.now - began
      return { attempt, validator, passed, findings, durationMs, artifact: null, groundedInRoster: null }
    },
  }
}
