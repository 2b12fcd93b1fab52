/** The contract of stores, on a real Kafka. */
import { describeStores } from '#test/contracts/stores.ts'
import { spaceOn } from '#test/infra/kafka/kafka-admin.ts'
import type { KafkaSpace } from '#test/infra/kafka/kafka-opener.ts'

describeStores('kafka', (partitions) => ({
  module: import.meta.resolve('#test/infra/kafka/kafka-opener.ts'),
  given: spaceOn(process.env['LATTICE_TEST_KAFKA'] ?? '', partitions) satisfies KafkaSpace,
}))
