import { nameId } from '#schemas/ids.ts'
import { isInteractive } from '#schemas/wire/headers.ts'
import { decodeRecords } from '#processors/journal/read.ts'
import type { Chain } from '#processors/journal/referee.ts'
import type { Park } from '#processors/journal/park.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { type Failure, isFailure } from '#processors/ports/failure.ts'
import type { Delivery } from '#processors/ports/work-share.ts'
import type { Reactor } from '#processors/delivery/reactor.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import type { CarriedOut, CarryOutPorts } from '#processors/runs/carry-out.ts'
import type { KnownRun } from '#processors/runs/known-run.ts'
import { evolve } from '#processors/runs/evolve.ts'
import { UnreadableRun, asEvent, loadRun } from '#processors/runs/load-run.ts'
import { ownerIsGone } from '#processors/runs/owner-silence.ts'
import type { OwnerPorts } from '#processors/runs/owner-silence.ts'
import type { Codec } from '#schemas/wire/codec.ts'

/**
 * Carries out queued tasks.
 *
 * Promise: every submitted task that is not interactive is carried out by a worker, whatever crashes; one that was
 * begun elsewhere is taken over by its history, once its owner is gone. A task is finished only when its run has ended:
 * a worker that finds another at it keeps what it was handed until then, in case the other dies. What can't be read is
 * parked, and its run is closed as failed (R4); a run that a newer version wrote to is left to that version.
 */
type WorkPorts = CarryOutPorts &
  Pick<OwnerPorts, 'died'> & { readonly log: EventLog; readonly codec: Codec; readonly park: Park }

export function workTasks(ports: WorkPorts): Reactor {
  /** Handed over twice, a run waits for itself here: it must not be taken over from its own process. */
  const underWay = new Map<string, Promise<CarriedOut>>()
  /** A process that has just started does not yet know which runs were begun: to it they would look fresh. */
  let caughtUp: Promise<void> | undefined
  /** Runs of a newer version, of which that was said. */
  const leftAlone = new Set<string>()

  function leave(runId: string, { message }: Failure): 'again' {
    if (!leftAlone.has(runId))
      ports.report({ signal: 'log.warning', message: `run ${runId} is left alone: ${message}` })
    leftAlone.add(runId)
    return 'again'
  }

  async function carryOutAlone(known: KnownRun, signal: AbortSignal): Promise<CarriedOut> {
    const { runId } = known.state
    const carrying = carryOut(known, ports, signal).finally(() => underWay.delete(runId))
    underWay.set(runId, carrying)
    return await carrying
  }

  return {
    name: 'work-tasks',
    version: 1,
    topic: 'runs.v1',
    on: ['task.submitted'],
    wants: (headers) => !isInteractive(headers),
    async react(delivery, signal) {
      const { position, record } = delivery
      caughtUp ??= ports.feed.catchUp()
      await caughtUp.catch((error: unknown) => {
        caughtUp = undefined
        throw error
      })
      for (;;) {
        await underWay.get(record.key)?.catch(() => {})
        await ports.feed.reached(position, signal)
        const chain = ports.feed.chain(record.key)
        if (ports.feed.isRejected(position.partition, position.offset) || chain === undefined || chain.closed)
          return 'done'
        const known = await knownRun(delivery, chain, ports)
        if (isFailure(known)) return leave(record.key, known)
        if (known === 'unreadable') continue
        if (known === undefined || known.state.outcome !== undefined) return 'done'
        if (underWay.has(record.key)) continue
        const isFree = await ownerIsGone(known.state, ports, signal)
        if (isFree && !underWay.has(record.key)) {
          const { is } = await carryOutAlone(known, signal)
          if (is === 'done') return 'done'
        }
        if (signal.aborted) return 'again'
      }
    },
  }
}

async function knownRun(
  delivery: Delivery,
  chain: Chain,
  ports: WorkPorts,
): Promise<KnownRun | 'unreadable' | Failure | undefined> {
  try {
    const submission = await fromSubmission(delivery, ports)
    // Whoever was asked carries it out, and it is mostly well under way: its history is not worth reading.
    if (submission?.state.spec.interactive === true) return undefined
    const fresh = chain.seq === 0 && !chain.cancelled
    return fresh ? submission : await loadRun(delivery.record.key, delivery.position, ports)
  } catch (error) {
    if (!(error instanceof UnreadableRun)) throw error
    if (error.code === 'event.unknown') return error
    await ports.park(error.record, { by: 'work-tasks', version: 1, code: 'event.undecodable' })
    await closeAsPoison(delivery.record.key, { ...chain, attempts: error.attempts }, ports)
    return 'unreadable'
  }
}

async function fromSubmission({ record, position }: Delivery, ports: WorkPorts): Promise<KnownRun | undefined> {
  const { topic, partition } = { topic: 'runs.v1', partition: position.partition } as const
  const [event] = await decodeRecords(ports.codec, [record], { topic, partition, wants: () => true })
  if (event === undefined) return undefined
  if ('bad' in event) throw new UnreadableRun(event, 0)
  const state = evolve(undefined, asEvent(event))
  return state === undefined ? undefined : { state, head: { seq: 0, id: event.envelope.id } }
}

/** Nobody can carry the task out, so its run must not stay open. */
async function closeAsPoison(
  run: string,
  { seq, lastId, attempts }: Chain & { readonly attempts: number },
  { journal, feed }: WorkPorts,
): Promise<void> {
  const { positions } = await journal.write([
    {
      type: 'run.completed',
      subject: run,
      id: nameId('poison', lastId),
      chain: { run, seq: seq + 1, prev: lastId },
      data: { outcome: 'failed', reason: 'poison', attempt: null, attempts, durationMs: 0 },
    },
  ])
  for (const position of positions) await feed.reached(position)
}
