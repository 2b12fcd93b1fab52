import { Failure } from '#processors/ports/failure.ts'
import { evolve } from '#processors/runs/evolve.ts'
import type { KnownRun } from '#processors/runs/known-run.ts'
import type { RunSpec } from '#processors/runs/run.ts'
import { prepareRun, submitRun } from './submit-run.command.ts'
import type { SubmitPorts, SubmittedRun } from './submit-run.command.ts'

/**
 * Begins a run that is carried out where it was asked.
 *
 * Promise: without an idempotency key nothing is on the log yet, the submission goes with the run's first append. With one
 * the run is the key's first, or it is said which one is (R13).
 */
export interface InteractiveRequest {
  /** As in the API: `POST /v1/iterate`. */
  readonly route: string
  /** What was asked, for its hash. */
  readonly body: unknown
  readonly spec: (bodyHash?: string) => RunSpec | Promise<RunSpec>
  readonly principal: string
  readonly idempotencyKey?: string | undefined
  readonly traceparent?: string | undefined
}

export type Begun =
  | { readonly is: 'begun'; readonly known: KnownRun }
  | { readonly is: 'repeated'; readonly submitted: SubmittedRun }

export async function beginInteractive(ports: SubmitPorts, request: InteractiveRequest): Promise<Begun> {
  const { idempotencyKey, traceparent, spec } = request
  if (idempotencyKey === undefined) {
    const submission = await prepareRun(ports, { runId: ports.clock.newId(), spec: await spec(), traceparent })
    return { is: 'begun', known: { ...knownOf(submission.event), submission } }
  }
  const submitted = await submitRun(ports, request)
  if (submitted.event === undefined) return { is: 'repeated', submitted }
  return { is: 'begun', known: knownOf(submitted.event) }
}

function knownOf(event: NonNullable<SubmittedRun['event']>): KnownRun {
  const state = evolve(undefined, event)
  if (state === undefined) throw new Failure('internal', 'a submission that begins no run')
  return { state, head: { seq: 0, id: event.id } }
}
