/** The spine on a real Kafka. */
import { randomUUID } from 'node:crypto'
import { describeSpine } from './spine.ts'

describeSpine('kafka', {
  env: () => ({
    LATTICE_LOG: `kafka://${process.env['LATTICE_TEST_KAFKA'] ?? ''}`,
    LATTICE_LOG_NAMESPACE: `spine-${randomUUID().slice(0, 8)}`,
  }),
})
