/** `lattice verify` on a real Kafka: the whole way, from the command line. */
import { randomUUID } from 'node:crypto'
import { describeVerify } from './verify.ts'

describeVerify(() => ({
  LATTICE_LOG: `kafka://${process.env['LATTICE_TEST_KAFKA'] ?? ''}`,
  LATTICE_LOG_NAMESPACE: `cli-${randomUUID().slice(0, 8)}`,
}))
