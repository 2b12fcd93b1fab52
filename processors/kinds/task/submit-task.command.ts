import type { Journal, PreparedEvent } from '#processors/journal/journal.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import { nameId, sha256 } from '#schemas/ids.ts'
import type { Position } from '#schemas/position.ts'
import { taskSpec } from './task.spec.ts'
import type { TaskDefaults, TaskRequest } from './task.spec.ts'

/**
 * Puts a task on the log: the run's seq 0.
 *
 * Promise: acknowledged means on the log. With an idempotency key the run id is made of principal, route and key (R13):
 * the same request again finds the same run, another body is refused, and no table is needed for either. A repeated
 * request is answered from what is on the log, whatever the settings are by now.
 */
export interface SubmitPorts {
  readonly journal: Journal
  readonly feed: RunFeed
  readonly clock: Clock
  readonly defaults: () => TaskDefaults | Promise<TaskDefaults>
  /** The accepted submission of a run that exists already. */
  readonly submitted: (runId: string) => Promise<Submission | undefined>
}

export interface Submission {
  /** Of the event. */
  readonly id: string
  readonly bodyHash: string | null
  readonly position: Position
}

export interface SubmitOptions {
  readonly principal: string
  readonly interactive: boolean
  readonly idempotencyKey?: string
  readonly traceparent?: string
}

export interface SubmittedTask {
  readonly runId: string
  readonly position: Position
  /** An earlier request with the same key made it. */
  readonly repeated: boolean
  /** As it was stored; undefined for a repeated one. */
  readonly event?: PreparedEvent['event']
}

const route = 'POST /v1/tasks'

export async function submitTask(
  ports: SubmitPorts,
  request: TaskRequest,
  options: SubmitOptions,
): Promise<SubmittedTask> {
  const { principal, idempotencyKey, interactive } = options
  const keyed = idempotencyKey !== undefined
  const bodyHash = keyed ? sha256(canonical(request)) : undefined
  const runId = keyed ? nameId('run', principal, route, idempotencyKey) : ports.clock.newId()
  if (keyed && ports.feed.chain(runId) !== undefined) return repeated(ports, runId, bodyHash)

  const spec = taskSpec(request, await ports.defaults(), {
    principal,
    interactive,
    ...(bodyHash === undefined ? {} : { bodyHash }),
  })
  const [prepared] = await ports.journal.prepare([
    {
      type: 'task.submitted',
      subject: runId,
      data: spec,
      chain: { run: runId, seq: 0, prev: '' },
      ...(options.traceparent === undefined ? {} : { traceparent: options.traceparent }),
    },
  ])
  if (prepared === undefined) throw new Failure('internal', 'nothing was prepared')
  const position = await appendOnce(ports, prepared, runId)
  if (!keyed) return { runId, position, repeated: false, event: prepared.event }

  await ports.feed.reached(position)
  if (!ports.feed.isRejected(position.partition, position.offset)) {
    return { runId, position, repeated: false, event: prepared.event }
  }
  return repeated(ports, runId, bodyHash, prepared)
}

async function repeated(
  { submitted }: SubmitPorts,
  runId: string,
  bodyHash: string | undefined,
  own?: PreparedEvent,
): Promise<SubmittedTask> {
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

/** Tries once more where the outcome is unknown: a second copy of the same record is rejected by the referee (R1). */
async function appendOnce(ports: SubmitPorts, prepared: PreparedEvent, runId: string): Promise<Position> {
  const append = async (): Promise<Position> => {
    const [position] = await ports.journal.append([prepared])
    if (position === undefined) throw new Failure('internal', `run ${runId} got no position`)
    return position
  }
  return append().catch((error: unknown) => {
    if (!isFailure(error, 'append.outcome-unknown')) throw error
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
