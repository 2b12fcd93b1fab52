/** A log that moves to a real Redis and back. */
import { randomBytes } from 'node:crypto'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import { describeRoundTrip } from './round-trip.ts'

const url = process.env['LATTICE_TEST_REDIS'] ?? ''

describeRoundTrip('redis', (partitions) =>
  openRedisEventLog({ url, namespace: `transfer-${randomBytes(6).toString('hex')}`, partitions }),
)
