/**
 * What is measured of every log alike: reading all of it, handing out its work, and doing nothing.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { WorkShare } from '#processors/ports/work-share.ts'
import type { Position } from '#schemas/position.ts'
import { inTurns } from './in-turns.ts'
import { deliverMs, scanRate, topic, valueBytes } from './log-records.ts'
import type { Row } from './row.ts'

export interface Scan {
  readonly log: EventLog
  readonly count: number
  readonly laps: number
  /** The raw client's records a second. */
  readonly floor: () => Promise<number>
  readonly target: NonNullable<Row['target']>
  readonly note?: string
}

export async function scanRows(name: string, { log, count, laps, floor: raw, target, note }: Scan): Promise<Row[]> {
  const [floor, plain, headers] = await inTurns(laps, [
    raw,
    () => scanRate(log, { count, look: false }),
    () => scanRate(log, { count, look: true }),
  ])
  const row = { unit: 'events/s', floor, payloadBytes: valueBytes, ...(note !== undefined && { note }) } as const
  return [
    { ...row, figure: `scan-${name}`, ours: plain, target },
    { ...row, figure: `scan-${name} with headers`, ours: headers },
  ]
}

export async function deliveryRow(name: string, share: WorkShare, count: number): Promise<Row> {
  const ours = (count / (await deliverMs(share, { count, group: randomUUID() }))) * 1000
  return { figure: `work-share-${name}`, unit: 'deliveries/s', ours, payloadBytes: valueBytes, note: 'window 64' }
}

/** One process that follows all it has and waits for work, as a server with nothing to do. */
export async function idleRow(
  name: string,
  given: {
    readonly log: EventLog
    readonly share: WorkShare
    readonly follow: readonly Position[]
    readonly quick: boolean
    readonly note: string
  },
): Promise<Row> {
  const { log, share, follow, quick, note } = given
  const stop = new AbortController()
  const { signal } = stop
  const following = follow.map(async (from) => {
    for await (const batch of log.read(from, { follow: true, signal })) {
      if (batch.length > 0) throw new Error('nothing was written')
    }
  })
  const working = (async () => {
    for await (const delivery of share.take(topic, 'idle', { window: 4, signal })) await delivery.done()
  })()
  await sleep(quick ? 1_000 : 3_000)
  const before = process.cpuUsage()
  const begun = performance.now()
  await sleep(quick ? 500 : 20_000)
  const { user, system } = process.cpuUsage(before)
  const ours = (user + system) / 10 / (performance.now() - begun)
  stop.abort()
  await Promise.all([...following, working])
  return { figure: `idle-${name}`, unit: '% of a core', ours, target: { atMost: 1 }, note }
}
