/**
 * Three brokers, each partition on all of them: one is killed and comes back while records are appended, followed and
 * shared out.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import { openKafkaWorkShare } from '#infra/kafka/kafka-work-share.ts'
import { isFailure } from '#processors/ports/failure.ts'
import { type KafkaServer, startKafka } from '#scripts/services/kafka.ts'
import { freePort } from '#scripts/services/ports.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { idOf, readTopic, record } from '#test/contracts/records.ts'

const TOPIC = 'runs.v1'
let folder: string
let servers: KafkaServer[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kafka-three-'))
  servers = await startThree(folder)
}, 120_000)

afterAll(async () => {
  // The first is the controller, which the others need to leave in order.
  for (const server of servers.toReversed()) await server.stop()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

describe('cluster', () => {
  it(
    '[append.survives] a broker dies and comes back; nothing is lost, doubled, or seen out of order',
    { timeout: 180_000 },
    async () => {
      const [first, , third] = servers
      const log = await openKafkaEventLog({ brokers: [first?.brokers ?? ''] })
      expect(log.durability).toContain('3 of each partition, at least 2 in sync')
      const share = await openKafkaWorkShare({ brokers: [], log })
      const stop = new AbortController()
      const { signal } = stop

      const seen = Array.from({ length: log.partitions(TOPIC) }, (): string[] => [])
      const following = seen.map(async (ids, partition) => {
        for await (const batch of log.read({ topic: TOPIC, partition, offset: 0 }, { follow: true, signal }))
          ids.push(...batch.map(idOf))
      })
      const worked: string[] = []
      const working = (async () => {
        for await (const delivery of share.take(TOPIC, 'workers', { window: 16, signal })) {
          worked.push(idOf(delivery.record))
          setImmediate(() => void delivery.done())
        }
      })()

      const acked: string[] = []
      const unsure = new Set<string>()
      let stopped = false
      const insist = async (lane: number): Promise<void> => {
        const call = Array.from({ length: 3 }, (_, i) => record(`${lane}-${acked.length}-${i}`, 'x'.repeat(200)))
        for (;;) {
          try {
            await log.append(TOPIC, call)
            acked.push(...call.map(idOf))
            return
          } catch (error) {
            if (isFailure(error, 'append.outcome-unknown')) for (const one of call) unsure.add(idOf(one))
            else if (!isFailure(error, 'log.unavailable')) throw error
            await sleep(20)
          }
        }
      }
      const writing = Array.from({ length: 8 }, async (_, lane) => {
        while (!stopped) await insist(lane)
      })
      const progress = async (more: number): Promise<void> => {
        const enough = acked.length + more
        await eventually(`${more} more`, () => acked.length >= enough, { deadlineMs: 60_000 })
      }

      await progress(600)
      await third?.kill()
      await progress(600)
      await third?.restart()
      await progress(600)
      stopped = true
      await Promise.all(writing)

      const stored = (await readTopic(log, TOPIC)).map(idOf)
      const there = new Set(stored)
      expect(acked.filter((id) => !there.has(id))).toEqual([])
      expect(stored.length - there.size).toBeLessThanOrEqual(unsure.size)
      await eventually('the followers saw all', () => seen.flat().length >= stored.length)
      expect(seen.flat()).toEqual(stored)
      await eventually('all is worked off', () => new Set(worked).size === there.size, { deadlineMs: 60_000 })
      stop.abort()
      await Promise.all([...following, working])
      await share.close()
      await log.close()
    },
  )
})

/** One broker that is the controller too, and two more. */
async function startThree(base: string): Promise<KafkaServer[]> {
  const controllerPort = await freePort()
  const settings = {
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'offsets.topic.replication.factor': '3',
    'replica.lag.time.max.ms': '3000',
  }
  const first = await startKafka({ dataDir: join(base, '1'), controllerPort, settings, heapMb: 300 })
  const [, clusterId = ''] =
    /cluster\.id=(.*)/.exec(await readFile(join(base, '1', 'data', 'meta.properties'), 'utf8')) ?? []
  const joined = async (id: number): Promise<KafkaServer> => {
    const data = join(base, String(id), 'data')
    await mkdir(data, { recursive: true })
    const directory = `d${randomBytes(16).toString('base64url').slice(1)}`
    await writeFile(
      join(data, 'meta.properties'),
      `version=1\nnode.id=${id}\ncluster.id=${clusterId}\ndirectory.id=${directory}\n`,
    )
    const port = await freePort()
    const own = { 'process.roles': 'broker', 'node.id': String(id), listeners: `PLAINTEXT://127.0.0.1:${port}` }
    return await startKafka({ dataDir: join(base, String(id)), port, settings: { ...settings, ...own }, heapMb: 300 })
  }
  return [first, ...(await Promise.all([joined(2), joined(3)]))]
}
