/**
 * What must hold after any schedule whatever, looked at from the log alone.
 *
 * Each is a promise of RULES: the name says what is broken when it gives words.
 */
import { isDeepStrictEqual } from 'node:util'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { RunState } from '#processors/runs/run.ts'
import type { Chapter, Chronicle } from './chronicle.ts'
import type { PlannedRun, Weather } from './scenario.ts'
import { isGood, type UpstreamCall } from './simulated-model.ts'

export interface Evidence {
  readonly weather: Weather
  readonly runs: readonly PlannedRun[]
  readonly partitions: number
  /** Folded as the records were written. */
  readonly chronicle: Chronicle
  /** Folded anew, a partition after the other. */
  readonly fresh: Chronicle
  /** Every process that ever lived, as it saw the log. */
  readonly feeds: readonly { readonly by: string; readonly feed: RunFeed }[]
  readonly told: readonly Told[]
  readonly planned: readonly { readonly owner: string; readonly state: RunState }[]
  readonly calls: readonly UpstreamCall[]
  readonly inFlightAtKills: number
  /** How often an owner stopped because another one's event counted. */
  readonly lost: number
  /** Interactive runs given up because the log took nothing for too long. */
  readonly impatient: number
}

/** What an owner says of a run's end. */
export interface Told {
  readonly by: string
  readonly runId: string
  readonly outcome: string
  readonly attempts: number
  readonly state?: RunState
}

export function findViolation(evidence: Evidence): string | undefined {
  return (
    acceptedWithoutProof(evidence) ??
    severalEnds(evidence) ??
    followersDisagree(evidence) ??
    toldOtherwise(evidence) ??
    decidedOnAnotherState(evidence) ??
    tooManyAttempts(evidence) ??
    calledAgain(evidence) ??
    lostInCalm(evidence) ??
    callsUnaccounted(evidence)
  )
}

/** `verdict.closed`: what stands as accepted validates, by the answer itself. */
function acceptedWithoutProof({ runs, chronicle }: Evidence): string | undefined {
  for (const { runId, spec } of runs) {
    const state = chronicle.state(runId)
    if (state?.outcome !== 'accepted') continue
    const answer = chronicle
      .chapters(runId)
      .findLast(({ event }) => event.type === 'attempt.completed' && event.data.attempt === state.answer)
    if (answer?.event.type !== 'attempt.completed') return `${runId} is accepted without an answer`
    const { content } = answer.event.data
    if (spec.validator !== null && !isGood(content))
      return `${runId} is accepted with a bad answer: ${JSON.stringify(content)}`
    const stands = state.attempts.find(({ attempt }) => attempt === state.answer)?.result
    if (stands?.is !== 'completed' || stands.content !== content)
      return `${runId} stands with another answer than its last`
  }
  return undefined
}

/** `run.single`: a run ends once, and nothing of it is accepted afterwards. */
function severalEnds({ runs, chronicle }: Evidence): string | undefined {
  for (const { runId } of runs) {
    const types = chronicle.chapters(runId).map(({ event }) => event.type)
    const end = types.indexOf('run.completed')
    if (end !== -1 && end !== types.length - 1) return `${runId}: ${types.slice(end + 1).join(', ')} after its end`
  }
  return undefined
}

/** `run.single`: whoever folds the log accepts the same records. */
function followersDisagree({ feeds, chronicle, fresh, partitions, runs }: Evidence): string | undefined {
  for (let partition = 0; partition < partitions; partition += 1) {
    for (let offset = 0; offset < chronicle.referee.next(partition); offset += 1) {
      const rejected = chronicle.referee.isRejected(partition, offset)
      const at = `${partition}:${offset}`
      if (fresh.referee.isRejected(partition, offset) !== rejected) return `a fresh fold judges ${at} otherwise`
      const other = feeds.find(
        ({ feed }) => offset < feed.next(partition) && feed.isRejected(partition, offset) !== rejected,
      )
      if (other !== undefined) return `${other.by} judged ${at} otherwise`
    }
  }
  const differs = runs.find(({ runId }) => !isDeepStrictEqual(chronicle.state(runId), fresh.state(runId)))
  return differs === undefined ? undefined : `a fresh fold gives ${differs.runId} another state`
}

/** `run.single`: an outcome that was told is the one in the log. */
function toldOtherwise({ told, chronicle, runs, weather }: Evidence): string | undefined {
  for (const { by, runId, outcome, attempts, state } of told) {
    // Claims no verdict and reads nothing back (R1): one that was paused too long tells what it got.
    const readsBack = runs.some((run) => run.runId === runId && !(run.atOnce && run.spec.validator === null))
    if (!readsBack && weather === 'storm') continue
    const folded = chronicle.state(runId)
    if (folded?.outcome !== outcome || folded.attempts.length !== attempts) {
      return `${by} told ${runId} ${outcome} after ${attempts} attempts; the log says ${folded?.outcome} after ${folded?.attempts.length}`
    }
    if (state !== undefined && !isDeepStrictEqual(state, folded)) {
      return `${by} told another state of ${runId} than the log: ${JSON.stringify(state)} for ${JSON.stringify(folded)}`
    }
  }
  return undefined
}

/** R16: what an owner decides on is what the log will tell. A cancellation may be on its way. */
function decidedOnAnotherState({ runs, chronicle, planned }: Evidence): string | undefined {
  for (const { runId } of runs) {
    for (const { event, by, before } of chronicle.chapters(runId)) {
      if (event.type !== 'attempt.started' || before === undefined) continue
      const known = planned.some(
        ({ owner, state }) =>
          owner === by && state.runId === runId && isDeepStrictEqual(state, { ...before, cancelled: state.cancelled }),
      )
      if (!known) return `${by} planned attempt ${event.data.attempt} of ${runId} on a state the log does not tell`
    }
  }
  return undefined
}

/** R8: `limits.attempts` counts accepted `attempt.started`. */
function tooManyAttempts({ runs, chronicle }: Evidence): string | undefined {
  for (const { runId, spec } of runs) {
    const started = chronicle.chapters(runId).filter(({ event }) => event.type === 'attempt.started').length
    if (started > spec.limits.attempts) return `${runId} made ${started} attempts of ${spec.limits.attempts}`
  }
  return undefined
}

/** `run.resumes`: after a recorded completion nothing is called again unless its verdict was bad. */
function calledAgain({ runs, chronicle }: Evidence): string | undefined {
  for (const { runId, spec } of runs) {
    let completed: number | undefined
    for (const { event } of chronicle.chapters(runId)) {
      if (event.type === 'attempt.completed') completed = event.data.attempt
      if (event.type === 'verdict.reached' && !event.data.passed) completed = undefined
      if (event.type === 'attempt.started' && completed !== undefined) {
        return `${runId} called again after attempt ${completed} was recorded (validator ${spec.validator})`
      }
    }
  }
  return undefined
}

/** Where nothing befalls anybody there is no other owner to lose a run to. */
function lostInCalm({ weather, lost }: Evidence): string | undefined {
  return weather === 'calm' && lost > 0 ? `${lost} runs lost to nobody` : undefined
}

/** R8: upstream calls − recorded ones ≤ calls in flight at the kills; equal where nobody was killed or taken over. */
function callsUnaccounted(evidence: Evidence): string | undefined {
  const { weather, calls, chronicle, inFlightAtKills, impatient } = evidence
  const recorded = new Set(evidence.runs.flatMap(({ runId }) => chronicle.chapters(runId).flatMap(callRecordedBy)))
  const unrecorded = calls.filter(({ id }) => !recorded.has(id))
  if (weather !== 'storm' && unrecorded.length > inFlightAtKills + impatient) {
    return `${unrecorded.length} calls unrecorded, ${inFlightAtKills} in flight at kills: ${unrecorded.map(({ id }) => id).join(', ')}`
  }
  const unexcused = unrecorded.find(({ runId, life }) => !life.dead && !changedHands(chronicle.chapters(runId)))
  if (unexcused === undefined) return undefined
  return `${unexcused.id} of ${unexcused.runId} is not recorded, though ${unexcused.life.name} lives and nobody took the run over`
}

function callRecordedBy({ event }: Chapter): string[] {
  if (event.type !== 'attempt.completed' && event.type !== 'attempt.failed') return []
  return typeof event.data.raw === 'string' && event.data.raw !== '' ? [event.data.raw] : []
}

function changedHands(chapters: readonly Chapter[]): boolean {
  return chapters.some(
    ({ event }) =>
      event.type === 'run.resumed' || (event.type === 'run.completed' && event.data.outcome === 'abandoned'),
  )
}
