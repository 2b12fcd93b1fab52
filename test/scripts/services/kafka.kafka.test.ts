/** A Kafka that is killed keeps what it acknowledged and comes back on its port. */
import { Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { startKafka } from '#scripts/services/kafka.ts'

test('a killed Kafka comes back on its port with what it acknowledged', { timeout: 90_000 }, async () => {
  await using server = await startKafka()
  const before = server.pid
  const kafka = new Kafka({ brokers: [server.brokers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await producer.send({ topic: 'kept', acks: -1, messages: [{ value: 'one' }, { value: 'two' }] })
  await producer.disconnect()
  await admin.disconnect()

  await server.kill('SIGKILL')
  await server.restart()
  expect(server.pid).not.toBe(before)
  const again = kafka.admin()
  await again.connect()
  expect(await again.fetchTopicOffsets('kept')).toEqual([{ partition: 0, offset: '2', high: '2', low: '0' }])
  await again.disconnect()
})
