import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { evolve } from '#processors/runs/evolve.ts'
import { followRun } from '#processors/runs/follow-run.query.ts'
import type { RunPlace } from '#processors/runs/follow-run.query.ts'
import type { RunState } from '#processors/runs/run.ts'
import type { AnyNewEvent, EventData } from '#schemas/event.ts'

/**
 * One run as it is laid beside another, told from its accepted events.
 *
 * Promise: reads, and changes nothing. Its answer is the one that stands, else the last there was. Its latency is the
 * run's active time, waits and retries included; its cost and tokens are of all its calls.
 */
export interface RunSide {
  readonly runId: string
  readonly outcome: string
  readonly reason: string | null
  /** Of the answer; null where nobody judged it. */
  readonly passed: boolean | null
  readonly provider: string | null
  readonly model: string | null
  readonly attempts: number
  readonly costMicroUsd: number
  readonly latencyMs: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** Null where no call was answered. */
  readonly answer: string | null
}

export interface ReadRun {
  readonly state: RunState
  /** Undefined while the run is open. */
  readonly side: RunSide | undefined
}

type ReadPorts = Parameters<typeof followRun>[0] & { readonly claimCheck: ClaimCheck }

export async function readRun(ports: ReadPorts, place: RunPlace): Promise<ReadRun | undefined> {
  let state: RunState | undefined
  const tokens = { promptTokens: 0, completionTokens: 0 }
  let ended: EventData['run.completed'] | undefined
  for await (const { type, data } of followRun(ports, place, { follow: false, signal: never })) {
    state = evolve(state, { type, subject: place.runId, data } as AnyNewEvent)
    if (type === 'attempt.completed' || type === 'attempt.failed') {
      const call = data as EventData['attempt.completed' | 'attempt.failed']
      tokens.promptTokens += call.promptTokens ?? 0
      tokens.completionTokens += call.completionTokens ?? 0
    }
    if (type === 'run.completed') ended = data as EventData['run.completed']
  }
  if (state === undefined) return undefined
  const { outcome, reason = null, costMicroUsd, attempts } = state
  if (outcome === undefined || ended === undefined) return { state, side: undefined }
  const answered = attempts.filter(({ result }) => result?.is === 'completed')
  const stands = answered.find(({ attempt }) => attempt === state.answer) ?? answered.at(-1)
  const answer = stands?.result?.is === 'completed' ? await ports.claimCheck.open(stands.result.content) : null
  const { provider, model } = stands ?? attempts.at(-1) ?? { provider: null, model: null }
  const who = { runId: place.runId, outcome, reason, passed: stands?.verdict?.passed ?? null, provider, model }
  const spent = { attempts: attempts.length, costMicroUsd, latencyMs: ended.durationMs, ...tokens }
  return { state, side: { ...who, ...spent, answer } }
}

const never = new AbortController().signal
