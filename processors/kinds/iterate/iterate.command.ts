import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { AnyStoredEvent } from '#processors/journal/read.ts'
import { beginInteractive } from '#processors/kinds/begin-interactive.ts'
import type { InteractivePorts } from '#processors/kinds/begin-interactive.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Roster } from '#processors/ports/roster.ts'
import type { AttemptPorts } from '#processors/runs/attempt.step.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import type { CarryOutPorts } from '#processors/runs/carry-out.ts'
import type { RunSpec } from '#processors/runs/run.ts'
import type { Position } from '#schemas/position.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { iterateSpec, messagesOf, parametersOf } from './iterate.spec.ts'
import type { IterateRequest } from './iterate.spec.ts'
import { iteratedOf, statusOf } from './iterated.query.ts'
import type { Iterated } from './iterated.query.ts'
import { callOf } from './session.ts'
import type { Session } from './session.ts'
import { watchSession } from './watch-session.ts'

/**
 * Generate, validate, tell the model what was wrong, again: one run, carried out by who was asked.
 *
 * Promise: the model is sent what came, unredacted, and the log keeps the redacted form (R16). No answer leaves as accepted
 * before its verdict is read back from the log (`verdict.closed`). A caller who goes cancels the run. With an idempotency
 * key the same request again gets the recorded answer, or `run.open` while the first is under way (R13).
 */
export interface IteratePorts extends InteractivePorts {
  readonly codec: Codec
  readonly claimCheck: ClaimCheck
  readonly roster: Roster | undefined
  readonly carryOutPorts: (interactive: Pick<AttemptPorts, 'raw'>) => CarryOutPorts
  /** A tier for each name, weaker to stronger. Errors: `model.unknown`. */
  readonly ladder: (wanted: Pick<IterateRequest, 'provider' | 'model' | 'models'>) => Promise<RunSpec['ladder']>
  readonly limits: RunSpec['limits']
  /** The whole session of a run that is on the log, as far as it has come. */
  readonly session: (runId: string, position: Position) => Promise<Session | undefined>
}

export interface IterateOptions {
  readonly principal: string
  readonly traceId: string
  readonly traceparent?: string | undefined
  readonly idempotencyKey?: string | undefined
  /** Aborted when the caller has gone. */
  readonly gone: AbortSignal
  /** Told of each call and verdict, in order. */
  readonly onEvent?: ((event: IterateEvent) => void) | undefined
  /** Told before anything is called. */
  readonly onRun?: (runId: string) => void
}

export interface IterateEvent {
  readonly event: 'attempt.started' | 'attempt.completed' | 'attempt.failed' | 'verdict.reached'
  readonly data: Readonly<Record<string, unknown>>
}

export interface IterateAnswer extends Iterated {
  readonly position: Position
  /** Recorded for an earlier request with the same key. */
  readonly repeated: boolean
}

export async function iterate(
  ports: IteratePorts,
  request: IterateRequest,
  options: IterateOptions,
): Promise<IterateAnswer> {
  const { claimCheck, roster, limits } = ports
  const { principal, traceId } = options
  const ladder = await ports.ladder(request)
  const given = { ladder, limits, principal, traceId, hasRoster: roster !== undefined }
  const spec = (bodyHash?: string): Promise<RunSpec> => iterateSpec(request, { ...given, bodyHash })
  const route = 'POST /v1/iterate'
  // A roster that can't be read is told before a model is paid.
  if (request.rosterRows !== undefined) await roster?.matching({ most: 1 })
  const begun = await beginInteractive(ports, { ...options, route, body: request, spec })
  if (begun.is === 'repeated') {
    const { runId, position } = begun.submitted
    const session = await ports.session(runId, position)
    if (session !== undefined && hasEnded(session))
      return { ...(await iteratedOf(session, claimCheck)), position, repeated: true }
    throw new Failure('run.open', 'the request with this Idempotency-Key is still being answered', {
      remedy: 'ask again in a moment',
    })
  }

  const { known } = begun
  const { runId, spec: stored } = known.state
  options.onRun?.(runId)
  const watched = watchSession(ports, { runId, spec: stored, calls: [] }, async (session, event) => {
    if (options.onEvent === undefined) return
    const told = await toldOf(session, event, claimCheck)
    if (told !== undefined) options.onEvent(told)
  })
  try {
    const raw = { messages: messagesOf(request), parameters: parametersOf(request) }
    const carried = await carryOut({ ...known, gone: options.gone }, ports.carryOutPorts({ raw }), never)
    const session = await watched.settled()
    if (carried.is !== 'done' || !hasEnded(session))
      throw new Failure('run.open', 'another process carries that run out')
    return { ...(await iteratedOf(session, claimCheck)), position: carried.position, repeated: false }
  } finally {
    watched.stop()
  }
}

/** Ends with its caller (`gone`), never by being put aside: nobody could resume it. */
const never = new AbortController().signal

type Ended = Session & { readonly end: NonNullable<Session['end']> }

function hasEnded(session: Session): session is Ended {
  return session.end !== undefined
}

async function toldOf(
  session: Session,
  { type, data }: AnyStoredEvent,
  claimCheck: ClaimCheck,
): Promise<IterateEvent | undefined> {
  switch (type) {
    case 'attempt.started':
    case 'attempt.completed':
    case 'attempt.failed':
    case 'verdict.reached': {
      const call = callOf(session, data.attempt)
      if (call === undefined) return undefined
      const { attempt, iteration, started } = call
      const { tier, provider, model } = started
      const of = { attempt, iteration, tier, provider, model }
      if (type === 'attempt.started') return { event: type, data: of }
      if (type === 'attempt.completed')
        return { event: type, data: { ...of, raw: await claimCheck.open(data.content) } }
      return { event: type, data: { ...of, status: statusOf(call) } }
    }
    default:
      return undefined
  }
}
