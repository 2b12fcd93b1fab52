import type { Journal, PreparedEvent } from '#processors/journal/journal.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { RunSpec } from '#processors/runs/run.ts'
import { nameId, sha256 } from '#schemas/ids.ts'
import type { Position } from '#schemas/position.ts'

/**
 * Puts a run on the log: its seq 0, of whatever kind.
 *
 * Promise: acknowledged means on the log. With an idempotency key the run id is made of principal, route and key (R13):
 * the same request again finds the same run, another body is refused, and no table is needed for either. A repeated
 * request is answered from what is on the log, whatever the settings are by now.
 */
export interface SubmitPorts {
  readonly journal: Journal
  readonly feed: RunFeed
  readonly clock: Clock
  /** The accepted submission of a run that exists already. */
  readonly submitted: (runId: string) => Promise<Submission | undefined>
  /** Refuses a run whose first call would not be paid for. Errors: `budget.spent`, `budget.unpriced`. */
  readonly admit?: (spec: RunSpec) => Promise<void>
}

export interface Submission {
  /** Of the event. */
  readonly id: string
  readonly bodyHash: string | null
  readonly position: Position
}

export interface RunRequest {
  /** As in the API: `POST /v1/tasks`. */
  readonly route: string
  /** What was asked, for its hash. */
  readonly body: unknown
  readonly spec: (bodyHash: string | undefined) => RunSpec | Promise<RunSpec>
  readonly principal: string
  readonly idempotencyKey?: string | undefined
  /** How often the key was taken by a run that was given up: that one's id is not to be used again. */
  readonly retaken?: number
  readonly traceparent?: string | undefined
}

export interface SubmittedRun {
  readonly runId: string
  readonly position: Position
  /** An earlier request with the same key made it. */
  readonly repeated: boolean
  /** As it was stored; undefined for a repeated one. */
  readonly event?: PreparedEvent['event']
}

/** How long somebody who asks is kept waiting for a log that is gone. */
const patienceMs = 3_000

export async function submitRun(ports: SubmitPorts, request: RunRequest): Promise<SubmittedRun> {
  const { idempotencyKey, principal, route, body, retaken = 0 } = request
  const keyed = idempotencyKey !== undefined
  const bodyHash = keyed ? sha256(canonical(body)) : undefined
  const named = ['run', principal, route, idempotencyKey ?? '', ...(retaken === 0 ? [] : [String(retaken)])]
  const runId = keyed ? nameId(...named) : ports.clock.newId()
  if (keyed && ports.feed.chain(runId) !== undefined) return repeated(ports, runId, bodyHash)

  const prepared = await prepareRun(ports, {
    runId,
    spec: await request.spec(bodyHash),
    traceparent: request.traceparent,
  })
  const position = await appendOnce(ports, prepared, runId)
  if (!keyed) return { runId, position, repeated: false, event: prepared.event }

  await readBack(ports, position)
  if (!ports.feed.isRejected(position.partition, position.offset)) {
    return { runId, position, repeated: false, event: prepared.event }
  }
  return repeated(ports, runId, bodyHash, prepared)
}

/** A run's first event, ready to be appended. */
export async function prepareRun(
  { journal, admit }: Pick<SubmitPorts, 'journal' | 'admit'>,
  { runId, spec, traceparent }: { runId: string; spec: RunSpec; traceparent?: string | undefined },
): Promise<PreparedEvent> {
  await admit?.(spec)
  const [prepared] = await journal.prepare([
    {
      type: 'task.submitted',
      subject: runId,
      data: spec,
      chain: { run: runId, seq: 0, prev: '' },
      ...(spec.interactive ? { interactive: true } : {}),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
  ])
  if (prepared === undefined) throw new Failure('internal', 'nothing was prepared')
  return prepared
}

/** The run is on the log; whether it is the key's first is known once the feed has come to it. */
async function readBack({ feed, clock }: SubmitPorts, position: Position): Promise<void> {
  const late = new AbortController()
  const over = new AbortController()
  void clock.sleep(patienceMs, over.signal).then(() => late.abort())
  try {
    await feed.reached(position, late.signal)
  } catch (error) {
    if (over.signal.aborted || !late.signal.aborted) throw error
    throw new Failure('append.outcome-unknown', 'the log was lost before the request could be read back', {
      remedy: 'Send the same request with the same Idempotency-Key again.',
      cause: error,
    })
  } finally {
    over.abort()
  }
}

async function repeated(
  { submitted }: SubmitPorts,
  runId: string,
  bodyHash: string | undefined,
  own?: PreparedEvent,
): Promise<SubmittedRun> {
  const first = await submitted(runId)
  if (first === undefined) throw new Failure('internal', `run ${runId} is not found where it must be`)
  if (first.bodyHash !== bodyHash) {
    throw new Failure('idempotency.conflict', 'this Idempotency-Key was used with another body', {
      remedy: 'use a new key for a new request',
    })
  }
  // The copy before the one that was rejected: an append whose outcome was not known.
  if (first.id === own?.event.id) return { runId, position: first.position, repeated: false, event: own.event }
  return { runId, position: first.position, repeated: true }
}

/**
 * Tries once more where the outcome is unknown and there is time: a second copy of the same record is rejected by the
 * referee (R1).
 */
async function appendOnce(ports: SubmitPorts, prepared: PreparedEvent, runId: string): Promise<Position> {
  const until = ports.clock.monotonic() + patienceMs
  const append = async (): Promise<Position> => {
    const [position] = await ports.journal.append([prepared], { patienceMs: until - ports.clock.monotonic() })
    if (position === undefined) throw new Failure('internal', `run ${runId} got no position`)
    return position
  }
  return append().catch((error: unknown) => {
    if (!isFailure(error, 'append.outcome-unknown') || ports.clock.monotonic() >= until) throw error
    return append()
  })
}

/** JSON with sorted keys, so that the same request has the same hash whatever the order of its fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
