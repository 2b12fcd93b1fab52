/** A log that moves to a real Kafka and back. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it } from 'vitest'
import { openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import { exportLog } from '#processors/transfer/export-log.command.ts'
import { importLog } from '#processors/transfer/import-log.command.ts'
import { describeRoundTrip } from './round-trip.ts'
import { emptyEmbedded, everyRecord, sideOn } from './sample-log.ts'

const brokers = [process.env['LATTICE_TEST_KAFKA'] ?? '']

function namespace(): string {
  return `transfer-${randomBytes(6).toString('hex')}`
}

describeRoundTrip('kafka', (partitions) => openKafkaEventLog({ brokers, namespace: namespace(), partitions }))

it('what a foreign producer wrote without key, headers or value comes over as far as a log can hold it', async () => {
  const space = namespace()
  const source = await sideOn(await openKafkaEventLog({ brokers, namespace: space, partitions: 1 }))
  const producer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({
    topic: `${space}.runs.v1`,
    messages: [{ key: null, value: null }, { value: 'text' }, { key: 'k'.repeat(600), value: 'x' }],
  })
  await producer.disconnect()
  const file = join(mkdtempSync(join(tmpdir(), 'lattice-foreign-')), 'log')
  await exportLog(source, { file })
  const target = await sideOn(await emptyEmbedded(1))
  await importLog(target, { file })
  const stored = (await everyRecord(target.log)).map(({ record }) => [record.key, Buffer.from(record.value).toString()])
  expect(stored).toEqual([
    ['no-key', ''],
    ['no-key', 'text'],
    [expect.stringMatching(/^[0-9a-f]{64}$/), 'x'],
  ])
  await Promise.all([source.log.close(), target.log.close()])
})
