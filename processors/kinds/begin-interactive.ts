import { Failure } from '#processors/ports/failure.ts'
import { evolve } from '#processors/runs/evolve.ts'
import type { KnownRun } from '#processors/runs/known-run.ts'
import type { RunSpec } from '#processors/runs/run.ts'
import type { Position } from '#schemas/position.ts'
import { prepareRun, submitRun } from './submit-run.command.ts'
import type { SubmitPorts, SubmittedRun } from './submit-run.command.ts'

/**
 * Begins a run that is carried out where it was asked.
 *
 * Promise: without an idempotency key nothing is on the log yet, the submission goes with the run's first append. With one
 * the run is the key's first, or it is said which one is (R13). A run that was given up, as its process was stopped or died,
 * answered nobody: the next request with its key begins another. Of several at once one does.
 */
export interface InteractivePorts extends SubmitPorts {
  /** Whether the run that begins there has ended as `abandoned`. */
  readonly isAbandoned: (runId: string, first: Position) => Promise<boolean>
}

export interface InteractiveRequest {
  /** As in the API: `POST /v1/iterate`. */
  readonly route: string
  /** What was asked, for its hash. */
  readonly body: unknown
  readonly spec: (bodyHash?: string) => RunSpec | Promise<RunSpec>
  readonly principal: string
  readonly idempotencyKey?: string | undefined
  /** Of a run without a key; a new one where it is not given. */
  readonly runId?: string
  readonly traceparent?: string | undefined
}

export type Begun =
  | { readonly is: 'begun'; readonly known: KnownRun }
  | { readonly is: 'repeated'; readonly submitted: SubmittedRun }

export async function beginInteractive(ports: InteractivePorts, request: InteractiveRequest): Promise<Begun> {
  const { idempotencyKey, traceparent, spec, runId = ports.clock.newId() } = request
  if (idempotencyKey === undefined) {
    const submission = await prepareRun(ports, { runId, spec: await spec(), traceparent })
    return { is: 'begun', known: { ...knownOf(submission.event), submission } }
  }
  for (let retaken = 0; ; retaken++) {
    const submitted = await submitRun(ports, { ...request, retaken })
    if (submitted.event !== undefined) return { is: 'begun', known: knownOf(submitted.event) }
    if (!(await ports.isAbandoned(submitted.runId, submitted.position))) return { is: 'repeated', submitted }
  }
}

function knownOf(event: NonNullable<SubmittedRun['event']>): KnownRun {
  const state = evolve(undefined, event)
  if (state === undefined) throw new Failure('internal', 'a submission that begins no run')
  return { state, head: { seq: 0, id: event.id } }
}
