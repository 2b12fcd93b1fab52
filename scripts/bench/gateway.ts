/**
 * What the gateway adds to a chat, with durable appends included: asked directly, by a bare fastify and undici proxy
 * (the floor), by ours on each log, and by peers where they run (`LATTICE_BENCH_PEERS`, `gateway/legs.ts`).
 *
 * Every leg is a process of its own, as are the model server and who asks; all legs take turns in each lap. What is
 * added is a leg's percentile less that of the direct calls of the same lap; the median of the laps counts.
 */
import { needs } from '#scripts/test/needs.ts'
import { openRoad, peersOf, startOurs } from './gateway/legs.ts'
import type { Leg, Model, OurLeg, Road } from './gateway/legs.ts'
import type { Loaded } from './gateway/load-main.ts'
import { twoSyncs } from './gateway/two-syncs.ts'
import { median } from './row.ts'
import type { Measure, MeasureOptions, Row } from './row.ts'

interface Setting {
  readonly model: Model
  readonly atOnce: number
  readonly stream: boolean
  readonly laps: number
}

/** By leg, what each lap gave; the warming lap left out. */
type Seen = ReadonlyMap<string, readonly Loaded[]>

const slow = (atOnce: number, laps: number): Setting => ({ model: 'after-30-ms', atOnce, stream: false, laps })
const instant = (atOnce: number, laps: number): Setting => ({ model: 'instant', atOnce, stream: false, laps })
const streamed = (atOnce: number, laps: number): Setting => ({ model: 'after-30-ms', atOnce, stream: true, laps })

export const measure: Measure = async (options) => {
  await using road = await openRoad()
  const rows: Row[] = []
  const embedded = await startOurs('embedded', { ...road, folder: options.folder })
  try {
    rows.push(...(await embeddedRows(road, embedded, options)))
  } finally {
    await embedded.serving.kill('SIGTERM')
  }
  const { redis, kafka } = needs
  if (redis?.missing() === undefined) {
    const { url } = await options.redis()
    rows.push(...(await serverRows(road, 'redis', url, options)))
  }
  if (kafka?.missing() === undefined) {
    const { brokers } = await options.kafka()
    rows.push(...(await serverRows(road, 'kafka', `kafka://${brokers}`, options)))
  }
  return rows
}

async function embeddedRows(road: Road, ours: OurLeg, options: MeasureOptions): Promise<Row[]> {
  const peers = peersOf()
  const legs = [road.direct, road.bare, ours, ...peers]
  const syncs = twoSyncs(options.folder, options.quick ? 20 : 1_000)
  const syncRow = { unit: 'ms', note: 'node:sqlite alone, one pair after the other', ...synced(ours) }
  const rows: Row[] = [
    { figure: 'gateway: two syncs by themselves, p50', ours: syncs.p50Ms, ...syncRow },
    { figure: 'gateway: two syncs by themselves, p99', ours: syncs.p99Ms, ...syncRow },
  ]
  await warmUp(road, legs, options)
  for (const setting of [slow(1, 3), slow(16, 6), slow(64, 2)]) {
    const seen = await inLaps(road, legs, setting, options)
    const tail = addedRow(seen, ours, setting, 'p99Ms')
    const held = { ...tail, target: { atMost: (tail.floor ?? NaN) + 3 } }
    rows.push(addedRow(seen, ours, setting, 'p50Ms'), setting.atOnce === 16 ? held : tail)
    for (const peer of peers) {
      const floor = added(seen, peer, 'p99Ms')
      const target = setting.atOnce === 16 ? ({ target: { atMostRatio: 1 } } as const) : {}
      rows.push({
        ...tail,
        figure: `${tail.figure}, beside ${peer.name}`,
        floor,
        ...target,
        note: `floor: ${peer.name}`,
      })
    }
  }
  for (const setting of [instant(1, 2), instant(16, 5), instant(64, 2)]) {
    const seen = await inLaps(road, legs, setting, options)
    const row = rateRow(seen, ours, setting)
    rows.push(setting.atOnce === 16 ? { ...row, target: { ratio: 0.3 } } : row)
    for (const peer of peers) {
      const floor = middle(seen, peer, 'perSecond')
      rows.push({ ...row, figure: `${row.figure}, beside ${peer.name}`, floor, note: `floor: ${peer.name}` })
    }
  }
  for (const setting of [streamed(1, 3), streamed(16, 5)]) {
    const seen = await inLaps(road, [road.direct, road.bare, ours], setting, options)
    const row = addedRow(seen, ours, setting, 'firstP50Ms')
    rows.push({ ...row, target: { atMost: 1 } })
    rows.push(addedRow(seen, ours, setting, 'firstP99Ms'))
  }
  return rows
}

async function serverRows(road: Road, log: string, address: string, options: MeasureOptions): Promise<Row[]> {
  const ours = await startOurs(log, { ...road, folder: options.folder, env: { LATTICE_LOG: address } })
  try {
    const legs = [road.direct, road.bare, ours]
    await warmUp(road, [ours], options)
    const seen = await inLaps(road, legs, slow(16, 3), options)
    const rate = await inLaps(road, legs, instant(16, 3), options)
    return [
      addedRow(seen, ours, slow(16, 3), 'p50Ms'),
      addedRow(seen, ours, slow(16, 3), 'p99Ms'),
      rateRow(rate, ours, instant(16, 3)),
    ]
  } finally {
    await ours.serving.kill('SIGTERM')
  }
}

/** Until the code is compiled: a lap of its own is too short for one at a time. */
async function warmUp(road: Road, legs: readonly Leg[], { quick }: MeasureOptions): Promise<void> {
  for (const leg of legs) {
    await road.ask(leg, { model: 'instant', atOnce: 16, stream: false, until: { ms: quick ? 100 : 4_000 } })
  }
}

async function inLaps(road: Road, legs: readonly Leg[], setting: Setting, { quick }: MeasureOptions): Promise<Seen> {
  const { laps, ...load } = setting
  const seen = new Map(legs.map(({ name }): [string, Loaded[]] => [name, []]))
  for (let lap = 0; lap <= (quick ? 1 : laps); lap += 1) {
    for (const leg of legs) {
      const loaded = await road.ask(leg, { ...load, until: { ms: quick ? 150 : 1_000 } })
      if (lap > 0) seen.get(leg.name)?.push(loaded)
    }
  }
  return seen
}

function addedRow(seen: Seen, ours: Leg, setting: Setting, what: Percentile): Row {
  const direct = middle(seen, { name: 'direct' }, what)
  const floor = added(seen, { name: 'bare' }, what)
  const note = `direct ${direct.toFixed(1)} ms; floor: bare fastify and undici`
  const first = what.startsWith('first') ? ' to the first token' : ''
  const p = what.endsWith('50Ms') ? 'p50' : 'p99'
  const figure = `gateway ${ours.name} added ${p}${first}, ${conditions(setting)}`
  return { figure, unit: 'ms', floor, ours: added(seen, ours, what), note, ...synced(ours) }
}

function rateRow(seen: Seen, ours: Leg, setting: Setting): Row {
  const direct = middle(seen, { name: 'direct' }, 'perSecond')
  const note = `direct ${Math.round(direct)}/s; floor: bare fastify and undici`
  const figure = `gateway ${ours.name}, ${conditions(setting)}`
  const floor = middle(seen, { name: 'bare' }, 'perSecond')
  return { figure, unit: 'requests/s', floor, ours: middle(seen, ours, 'perSecond'), note, ...synced(ours) }
}

type Percentile = 'p50Ms' | 'p99Ms' | 'firstP50Ms' | 'firstP99Ms'

function added(seen: Seen, { name }: Pick<Leg, 'name'>, what: Percentile): number {
  const direct = seen.get('direct') ?? []
  return median((seen.get(name) ?? []).map((lap, index) => lap[what] - (direct[index]?.[what] ?? NaN)))
}

function middle(seen: Seen, { name }: Pick<Leg, 'name'>, what: keyof Loaded): number {
  return median((seen.get(name) ?? []).map((lap) => lap[what]))
}

function conditions({ model, atOnce, stream }: Setting): string {
  return `${atOnce} at once, ${model === 'instant' ? 'instant' : '30 ms'} upstream${stream ? ', streamed' : ''}`
}

function synced({ name }: Leg): Pick<Row, 'sync'> {
  const sync = { embedded: 'full', redis: 'appendfsync everysec', kafka: 'acks=-1' }[name]
  return sync === undefined ? {} : { sync }
}
