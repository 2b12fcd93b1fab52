/**
 * The contract of the event log, on a real Kafka that is killed and started at will.
 */
import type { Admin } from 'kafkajs'
import { afterAll, beforeAll } from 'vitest'
import { openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import { type KafkaServer, startKafka } from '#scripts/services/kafka.ts'
import { startCuttingProxy } from '#test/contracts/cutting-proxy.ts'
import { describeEventLog } from '#test/contracts/event-log.ts'
import { connectAdmin, forget, spaceOn, trim } from './kafka-admin.ts'
import type { KafkaSpace } from './kafka-opener.ts'

let server: KafkaServer
let admin: Admin

beforeAll(async () => {
  server = await startKafka()
  admin = await connectAdmin(server.brokers)
})

afterAll(async () => {
  await admin.disconnect()
  await server.stop()
})

describeEventLog<KafkaSpace>('kafka', {
  prepare: () => Promise.resolve(spaceOn(server.brokers, 3)),
  open: async (space) => await openKafkaEventLog(space),
  opener: (space) => ({ module: new URL('kafka-opener.ts', import.meta.url).href, given: space }),
  clear: async (space) => await forget(admin, space),
  trim: async ({ namespace }, topic, partition, before) =>
    await trim(admin, { topic: `${namespace}.${topic}`, partition, before }),
  recreate: async (space) => await forget(admin, space),
  server: {
    kill: () => server.kill(),
    start: () => server.restart(),
  },
  async openThroughProxy(space) {
    const proxy = await startCuttingProxy({ host: '127.0.0.1', port: server.port })
    return { log: await openKafkaEventLog({ ...space, dial: () => proxy }), proxy }
  },
})
