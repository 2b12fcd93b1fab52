/**
 * The Redis log and its work share, beside ioredis doing the same by itself.
 *
 * Floor of an append: ioredis with the same records made beforehand (key, headers as JSON, value; three fields an
 * entry), the faster of a pipeline of XADDs and a script that XADDs a batch at contiguous ids; of singles, auto-pipelined
 * XADDs. Floor of a scan: XRANGE, a thousand at a time, looking at nothing.
 */
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import { openRedisWorkShare } from '#infra/redis/redis-work-share.ts'
import type { EventLog, NewRecord } from '#processors/ports/event-log.ts'
import type { RedisServer } from '#scripts/services/redis.ts'
import { inTurns, rate, rateAtOnce } from './in-turns.ts'
import { deliveryRow, idleRow, scanRows } from './log-legs.ts'
import { someRecords, topic, valueBytes } from './log-records.ts'
import type { Measure, Row } from './row.ts'

type RawRecord = readonly [key: string, headers: string, value: Buffer]

export const measure: Measure = async ({ quick, redis: start }) => {
  const rows: Row[] = []
  for (const fsync of ['everysec', 'always'] as const) {
    const server = await start({ fsync })
    rows.push(...(await appends({ server, fsync, quick })))
    if (fsync === 'everysec') {
      rows.push(...(await scans({ server, quick })))
      rows.push(await deliveries({ server, quick }))
      rows.push(await idle({ server, quick }))
    }
    await server.stop()
  }
  return rows
}

async function appends(options: {
  readonly server: RedisServer
  readonly fsync: string
  readonly quick: boolean
}): Promise<Row[]> {
  const { server, fsync, quick } = options
  const laps = quick ? 1 : 15
  const lapMs = quick ? 50 : 300
  const conditions = { payloadBytes: valueBytes, sync: `appendfsync ${fsync}`, unit: 'events/s' } as const
  const raw = new Redis(server.url, { enableAutoPipelining: true })
  // A rewrite of its file in the middle of a lap would slow whoever has the turn.
  await raw.config('SET', 'auto-aof-rewrite-percentage', '0')
  const append = await rawScript(raw)
  const rows: Row[] = []

  for (const batch of [100, 1000]) {
    const log = await openRedisEventLog({ url: server.url, namespace: 'bench-append' })
    const records = someRecords(batch)
    const made = records.map(rawRecord)
    const [pipeline, script, ours] = await inTurns(laps, [
      () => rate(lapMs, batch, () => pipelined(raw, made)),
      () => rate(lapMs, batch, () => append(made)),
      () => rate(lapMs, batch, () => log.append(topic, records)),
    ])
    const floor = Math.max(pipeline, script)
    const figure = `append-redis batch ${batch}, ${fsync}`
    const note = `floor: ${script > pipeline ? 'script' : 'pipeline'}; pipeline ${Math.round(pipeline)}/s`
    rows.push({ figure, floor, ours, target: { ratio: 0.8 }, note, ...conditions })
    await log.close()
    await raw.flushall()
  }

  const log = await openRedisEventLog({ url: server.url, namespace: 'bench-append' })
  const singles = someRecords(64)
  const made = singles.map(rawRecord)
  const [floor, ours] = await inTurns(laps, [
    () =>
      rateAtOnce(made, lapMs, ([key, headers, value]) =>
        raw.xadd('raw-singles', '*', 'k', key, 'h', headers, 'v', value),
      ),
    () => rateAtOnce(singles, lapMs, (record) => log.append(topic, [record])),
  ])
  const figure = `append-redis 64 at once, ${fsync}`
  rows.push({ figure, floor, ours, target: { ratio: 0.8 }, ...conditions })
  await log.close()
  await raw.flushall()
  raw.disconnect()
  return rows
}

/** What a user of ioredis would write to get contiguous ids: a script that adds a batch behind the last entry. */
async function rawScript(raw: Redis): Promise<(records: readonly RawRecord[]) => Promise<unknown>> {
  const lua = `
    local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
    local id = last and tonumber(string.match(last[1], '^%d+')) or 0
    for i = 1, #ARGV, 3 do
      id = id + 1
      redis.call('XADD', KEYS[1], string.format('%.0f-0', id), 'k', ARGV[i], 'h', ARGV[i + 1], 'v', ARGV[i + 2])
    end
    return id`
  await raw.script('LOAD', lua)
  const sha = createHash('sha1').update(lua).digest('hex')
  return async (records) => await raw.evalsha(sha, 1, 'raw-script', ...records.flat())
}

async function pipelined(raw: Redis, records: readonly RawRecord[]): Promise<void> {
  const pipeline = raw.pipeline()
  for (const [key, headers, value] of records) pipeline.xadd('raw-pipeline', '*', 'k', key, 'h', headers, 'v', value)
  await pipeline.exec()
}

async function scans({ server, quick }: { readonly server: RedisServer; readonly quick: boolean }): Promise<Row[]> {
  const count = quick ? 5_000 : 200_000
  const { log, url } = await filled(server, count)
  const raw = new Redis(url)
  const stream = `bench-scan:{${log.id}:${topic}:0}`
  const rows = await scanRows('redis', {
    log,
    count,
    laps: quick ? 1 : 5,
    floor: () => rawScan(raw, stream, count),
    target: { ratio: 0.8 },
    note: '10 headers; floor: XRANGE of the same stream',
  })
  raw.disconnect()
  await log.close()
  return rows
}

async function rawScan(raw: Redis, stream: string, count: number): Promise<number> {
  const begun = performance.now()
  for (let seen = 0; seen < count;) {
    seen += (await raw.xrangeBuffer(stream, `${seen + 1}-0`, '+', 'COUNT', 1000)).length
  }
  return (count / (performance.now() - begun)) * 1000
}

async function deliveries({ server, quick }: { readonly server: RedisServer; readonly quick: boolean }): Promise<Row> {
  const count = quick ? 1_000 : 20_000
  const { log, url } = await filled(server, count)
  const share = await openRedisWorkShare({ url, namespace: 'bench-scan' })
  const row = await deliveryRow('redis', share, count)
  await share.close()
  await log.close()
  return row
}

async function idle({ server, quick }: { readonly server: RedisServer; readonly quick: boolean }): Promise<Row> {
  const options = { url: server.url, namespace: 'bench-idle' }
  const [log, share] = [await openRedisEventLog(options), await openRedisWorkShare(options)]
  const follow = Array.from({ length: 20 }, () => ({ topic, partition: 0, offset: 0 }))
  const row = await idleRow('redis', { log, share, follow, quick, note: '20 followers and a worker' })
  await Promise.all([log.close(), share.close()])
  return row
}

async function filled(server: RedisServer, count: number): Promise<{ readonly log: EventLog; readonly url: string }> {
  const log = await openRedisEventLog({ url: server.url, namespace: 'bench-scan' })
  const [{ next } = { next: 0 }] = await log.bounds(topic)
  for (let written = next; written < count; written += 1000) await log.append(topic, someRecords(1000))
  return { log, url: server.url }
}

function rawRecord({ key, headers, value }: NewRecord): RawRecord {
  return [key, JSON.stringify(headers), Buffer.from(value)]
}
