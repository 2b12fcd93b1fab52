/** The contract of stores, on a real Redis. */
import { randomUUID } from 'node:crypto'
import { describeStores } from '#test/contracts/stores.ts'
import type { RedisSpace } from '#test/infra/redis/redis-opener.ts'

describeStores('redis', (partitions) => ({
  module: import.meta.resolve('#test/infra/redis/redis-opener.ts'),
  given: {
    url: process.env['LATTICE_TEST_REDIS'] ?? '',
    namespace: `stores-${randomUUID().slice(0, 8)}`,
    partitions,
  } satisfies RedisSpace,
}))
