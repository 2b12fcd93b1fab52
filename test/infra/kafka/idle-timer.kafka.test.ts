/**
 * An open log that has nothing to do costs next to nothing: no timers of kafkajs' own, no poll a follower.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Admin } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectAdmin, forget, spaceOn } from './kafka-admin.ts'

const broker = process.env['LATTICE_TEST_KAFKA'] ?? ''
const space = spaceOn(broker, 6)
let admin: Admin

beforeAll(async () => {
  admin = await connectAdmin(broker)
})

afterAll(async () => {
  await forget(admin, space)
  await admin.disconnect()
})

it('five followers of every partition and a worker take less than 1 % of a core when nothing happens', async () => {
  const script = `
    import { openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
    import { openKafkaWorkShare } from '#infra/kafka/kafka-work-share.ts'
    import { topicNames } from '#schemas/topics.ts'
    const log = await openKafkaEventLog(${JSON.stringify(space)})
    const share = await openKafkaWorkShare({ brokers: [], log })
    const signal = new AbortController().signal
    const follow = async (topic, partition) => {
      for await (const batch of log.read({ topic, partition, offset: 0 }, { follow: true, signal })) void batch
    }
    const work = async () => {
      for await (const delivery of share.take('runs.v1', 'idle', { window: 8, signal })) await delivery.done()
    }
    for (let store = 0; store < 5; store += 1) {
      for (const topic of topicNames) for (let p = 0; p < log.partitions(topic); p += 1) void follow(topic, p)
    }
    void work()
    setTimeout(() => {
      const [before, begun] = [process.cpuUsage(), performance.now()]
      setTimeout(() => {
        const { user, system } = process.cpuUsage(before)
        console.log((user + system) / 10 / (performance.now() - begun))
        process.exit(0)
      }, 4_000)
    }, 2_000)`
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    '--input-type=module-typescript',
    '-e',
    script,
  ])
  expect(stderr).not.toContain('TimeoutNegativeWarning')
  expect(Number(stdout)).toBeGreaterThan(0)
  expect(Number(stdout)).toBeLessThan(1)
})
