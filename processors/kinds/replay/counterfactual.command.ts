import { prepareRun } from '#processors/kinds/submit-run.command.ts'
import type { SubmitPorts } from '#processors/kinds/submit-run.command.ts'
import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import type { CarryOutPorts } from '#processors/runs/carry-out.ts'
import { evolve } from '#processors/runs/evolve.ts'
import type { RunState } from '#processors/runs/run.ts'
import type { Steps } from '#processors/runs/steps.ts'
import type { Position } from '#schemas/position.ts'
import { counterfactualSpec } from './counterfactual.spec.ts'
import type { Swapped } from './counterfactual.spec.ts'
import { replayId } from './replay.spec.ts'
import type { ReadRun, RunSide } from './run-side.ts'
import { signTest } from './sign-test.ts'
import type { SignTest } from './sign-test.ts'
import { textDifference } from './text-difference.ts'
import type { TextDifference } from './text-difference.ts'

/**
 * Carries past runs out again on another model or prompt, and lays each beside what it was.
 *
 * Promise: the past runs are read, never written; each counterfactual is a run of its own, of kind `replay`. A run that
 * can't be compared is named with the reason, and the others go on. Once `gone`, nothing new is begun, and what is under
 * way is cancelled on the log, or given up where the server closes.
 */
export interface CounterfactualPorts extends SubmitPorts {
  readonly claimCheck: ClaimCheck
  readonly carryOutPorts: (given: { retrieve: Steps['retrieve'] }) => CarryOutPorts
  /** A run up to now, or as it was written at `at`. Errors: `run.unknown`. */
  readonly read: (runId: string, at?: Position) => Promise<ReadRun>
}

export interface CounterfactualOptions extends Swapped {
  readonly principal: string
  /** Runs under way at a time. */
  readonly concurrency: number
  readonly gone: AbortSignal
  readonly onDone?: (done: number, total: number) => void
}

export interface Counterfactual {
  /** What the new runs have in common: their tag `replay_set`. */
  readonly set: string
  readonly pairs: readonly Pair[]
  readonly skipped: readonly { readonly runId: string; readonly reason: string }[]
  /** Whether the new runs are better more often than chance would have it; cost and latency of pairs that both answered. */
  readonly tests: { readonly verdict: SignTest; readonly cost: SignTest; readonly latency: SignTest }
}

export interface Pair {
  readonly original: RunSide
  readonly replayed: RunSide
  readonly difference: TextDifference
}

export async function counterfactual(
  ports: CounterfactualPorts,
  runIds: readonly string[],
  options: CounterfactualOptions,
): Promise<Counterfactual> {
  const set = ports.clock.newId()
  const wanted = [...new Set(runIds)]
  const results: (Pair | string)[] = []
  let next = 0
  let done = 0
  async function takeTurns(): Promise<void> {
    for (let index = next++; index < wanted.length; index = next++) {
      results[index] = await onePair(ports, wanted[index] ?? '', { ...options, set })
      options.onDone?.((done += 1), wanted.length)
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, options.concurrency) }, takeTurns))

  const pairs = results.filter((one) => typeof one !== 'string')
  const skipped = results.flatMap((one, index) =>
    typeof one === 'string' ? [{ runId: wanted[index] ?? '', reason: one }] : [],
  )
  const answered = pairs.filter(({ original, replayed }) => original.answer !== null && replayed.answer !== null)
  return {
    set,
    pairs,
    skipped,
    tests: {
      verdict: signTest(pairs.map(({ original, replayed }) => accepted(replayed) - accepted(original))),
      cost: signTest(answered.map(({ original, replayed }) => original.costMicroUsd - replayed.costMicroUsd)),
      latency: signTest(answered.map(({ original, replayed }) => original.latencyMs - replayed.latencyMs)),
    },
  }
}

function accepted({ outcome }: RunSide): number {
  return outcome === 'accepted' ? 1 : 0
}

type OneOptions = CounterfactualOptions & { readonly set: string }

/** The pair, or why there is none. */
async function onePair(ports: CounterfactualPorts, runId: string, options: OneOptions): Promise<Pair | string> {
  if (options.gone.aborted) return 'not begun: it was interrupted'
  try {
    const { state, side: original } = await ports.read(runId)
    if (original === undefined) return 'it has not ended'
    if (state.spec.kind === 'embed') return 'it asked for vectors, which have no text to compare'
    const replayed = await carriedOutAgain(ports, state, options)
    if (replayed.outcome === 'cancelled' || replayed.outcome === 'abandoned')
      return `interrupted, as run ${replayed.runId}`
    return { original, replayed, difference: textDifference(original.answer ?? '', replayed.answer ?? '') }
  } catch (error) {
    if (!isFailure(error) || ends.has(error.code)) throw error
    return `${error.code}: ${error.message}`
  }
}

/** With these no other run would fare better. */
const ends = new Set<string>(['log.unavailable', 'log.full', 'log.closed', 'log.diverged', 'internal'])

async function carriedOutAgain(ports: CounterfactualPorts, past: RunState, options: OneOptions): Promise<RunSide> {
  const { clock, claimCheck } = ports
  const spec = await counterfactualSpec(past, { ...options, claimCheck })
  const begun = { recordedAt: new Date(clock.now()).toISOString(), nonce: clock.newId() }
  const runId = replayId(typeof spec.messages === 'string' ? spec.messages : '', begun)
  const submission = await prepareRun(ports, { runId, spec })
  const state = evolve(undefined, submission.event)
  if (state === undefined) throw new Failure('internal', 'a submission that begins no run')
  const known = { state, head: { seq: 0, id: submission.event.id }, submission, gone: options.gone }
  const carried = await carryOut(known, ports.carryOutPorts({ retrieve: frozen(past, claimCheck) }), never)
  if (carried.is !== 'done') throw new Failure('run.open', 'another process owns that run')
  const { side } = await ports.read(runId, carried.position)
  if (side === undefined) throw new Failure('internal', `run ${runId} has ended and is read as open`)
  return side
}

const never = new AbortController().signal

/** What the past run retrieved. */
function frozen({ retrieval }: RunState, claimCheck: ClaimCheck): Steps['retrieve'] {
  return async () => {
    if (retrieval === undefined) throw new Failure('internal', 'a run without retrieval retrieves')
    return { ...retrieval, query: await claimCheck.open(retrieval.query), durationMs: 0 }
  }
}
