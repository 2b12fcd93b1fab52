import { nameId } from '#schemas/ids.ts'
import { decodeRecords } from '#processors/journal/read.ts'
import type { Park } from '#processors/journal/park.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { Delivery } from '#processors/ports/work-share.ts'
import type { Reactor } from '#processors/delivery/reactor.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import type { CarryOutPorts, KnownRun } from '#processors/runs/carry-out.ts'
import { evolve } from '#processors/runs/evolve.ts'
import { loadRun } from '#processors/runs/load-run.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import type { Codec } from '#schemas/wire/codec.ts'

/**
 * Carries out queued tasks.
 *
 * Promise: every submitted task that is not interactive is carried out by a worker, whatever crashes; one that was
 * begun elsewhere is taken over by its history. A task that can't be decoded is parked and closed as failed (R4).
 */
export function workTasks(ports: CarryOutPorts & { log: EventLog; codec: Codec; park: Park }): Reactor {
  return {
    name: 'work-tasks',
    version: 1,
    topic: 'runs.v1',
    on: ['task.submitted'],
    async react(delivery, signal) {
      const { position, record } = delivery
      await ports.feed.reached(position, signal)
      const chain = ports.feed.chain(record.key)
      if (ports.feed.isRejected(position.partition, position.offset) || chain === undefined || chain.closed) return 'done'
      const fresh = chain.seq === 0 && !chain.cancelled
      const known = fresh ? await fromSubmission(delivery, ports) : await loadRun(record.key, position, ports)
      if (known === 'undecodable') return 'done'
      if (known === undefined || known.state.spec.interactive || known.state.outcome !== undefined) return 'done'
      const result = await carryOut(known, ports, signal)
      return result.is === 'stopped' ? 'again' : 'done'
    },
  }
}

async function fromSubmission(
  { record, position }: Delivery,
  ports: CarryOutPorts & { codec: Codec; park: Park },
): Promise<KnownRun | 'undecodable' | undefined> {
  const { topic, partition } = { topic: 'runs.v1', partition: position.partition } as const
  const [event] = await decodeRecords(ports.codec, [record], { topic, partition, wants: () => true })
  if (event === undefined) return undefined
  if ('bad' in event) {
    await ports.park(event, { by: 'work-tasks', version: 1, code: 'event.undecodable' })
    await closeAsPoison(record.key, record.headers['ce_id'] ?? '', ports)
    return 'undecodable'
  }
  const { type, data, envelope } = event
  const state = evolve(undefined, { type, data, subject: envelope.subject } as AnyNewEvent)
  return state === undefined ? undefined : { state, head: { seq: 0, id: envelope.id } }
}

/** Nobody can carry the task out, so its run must not stay open. */
async function closeAsPoison(run: string, prev: string, ports: CarryOutPorts): Promise<void> {
  await ports.journal.write([
    {
      type: 'run.completed',
      subject: run,
      id: nameId('poison', prev),
      chain: { run, seq: 1, prev },
      data: { outcome: 'failed', reason: 'poison', attempt: null, attempts: 0, durationMs: 0 },
    },
  ])
}
