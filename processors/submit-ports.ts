import { decodeRecords } from './journal/read.ts'
import type { InteractivePorts } from './kinds/begin-interactive.ts'
import { partitionOf } from './ports/event-log.ts'
import { admitBy } from './runs/admit.ts'
import { placeOfRun } from './run-place.ts'
import { findRun } from './runs/find-run.query.ts'
import { followRun } from './runs/follow-run.query.ts'
import { firstOffsetOf } from './runs/runs.query.ts'
import { need } from './start.ts'
import type { Lattice } from './start.ts'
import type { EventData } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'

/** What submitting a run needs, from a started process. */
export function submitPorts(lattice: Lattice): InteractivePorts & { firstOf(runId: string): Promise<Position> } {
  const { given, journal, feed, codec, budgets } = lattice
  const { log, clock } = given

  /** Of a run that may have been accepted elsewhere a moment ago. */
  async function firstOf(runId: string): Promise<Position> {
    const ports = { store: need(lattice, 'lookup'), log, feed, clock }
    const offset = await findRun(ports, runId, (tables) => firstOffsetOf(tables, runId))
    return { topic: 'runs.v1', partition: partitionOf(runId, log.partitions('runs.v1')), offset }
  }

  return {
    journal,
    feed,
    clock,
    firstOf,
    ...(budgets.rules.length === 0 ? {} : { admit: admitBy(budgets) }),
    async submitted(runId) {
      const first = await firstOf(runId)
      const options = { topic: 'runs.v1', partition: first.partition, wants: () => true } as const
      for await (const batch of log.read(first, { batchSize: 1, patienceMs: 3_000 })) {
        const [event] = await decodeRecords(codec, batch, options)
        if (event === undefined || 'bad' in event || event.type !== 'task.submitted') return undefined
        return { id: event.envelope.id, bodyHash: event.data.bodyHash, position: event.position }
      }
      return undefined
    },
    async isAbandoned(runId, first) {
      // Another process may have given it up a moment ago.
      if (feed.chain(runId)?.closed !== true) await feed.catchUp()
      if (feed.chain(runId)?.closed !== true) return false
      const place = await placeOfRun(lattice, runId, first)
      for await (const { type, data } of followRun({ log, codec, feed }, place, { follow: false, signal: never })) {
        if (type === 'run.completed') return (data as EventData['run.completed']).outcome === 'abandoned'
      }
      return false
    },
  }
}

const never = new AbortController().signal
