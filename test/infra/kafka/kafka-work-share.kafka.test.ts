/** The contract of the work share, on a real Kafka. */
import type { Admin } from 'kafkajs'
import { afterAll, beforeAll } from 'vitest'
import { openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import { openKafkaWorkShare } from '#infra/kafka/kafka-work-share.ts'
import { describeWorkShare } from '#test/contracts/work-share.ts'
import { connectAdmin, forget, spaceOn } from './kafka-admin.ts'
import type { KafkaSpace } from './kafka-opener.ts'

const broker = process.env['LATTICE_TEST_KAFKA'] ?? ''
let admin: Admin

beforeAll(async () => {
  admin = await connectAdmin(broker)
})

afterAll(async () => {
  await admin.disconnect()
})

// With one partition one worker has all the work, so the suite's three workers need several.
describeWorkShare<KafkaSpace>('kafka', {
  prepare: () => Promise.resolve(spaceOn(broker, 4)),
  openLog: async (space) => await openKafkaEventLog(space),
  openShare: async (space, log) => await openKafkaWorkShare({ ...space, log }),
  opener: (space) => ({ module: new URL('kafka-opener.ts', import.meta.url).href, given: space }),
  clear: async (space) => await forget(admin, space),
})
