/** The spine on a real Redis. */
import { randomUUID } from 'node:crypto'
import { describeSpine } from './spine.ts'

describeSpine('redis', {
  env: () => ({
    LATTICE_LOG: process.env['LATTICE_TEST_REDIS'] ?? '',
    LATTICE_LOG_NAMESPACE: `spine-${randomUUID().slice(0, 8)}`,
  }),
})
