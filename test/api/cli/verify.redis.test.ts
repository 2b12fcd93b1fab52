/** `lattice verify` on a real Redis: the whole way, from the command line. */
import { randomUUID } from 'node:crypto'
import { describeVerify } from './verify.ts'

describeVerify(() => ({
  LATTICE_LOG: process.env['LATTICE_TEST_REDIS'] ?? '',
  LATTICE_LOG_NAMESPACE: `cli-${randomUUID().slice(0, 8)}`,
}))
