/** Input that is too large, not text, or no event, on a real Redis. */
import { randomUUID } from 'node:crypto'
import { describeBadInput } from './bad-input.ts'

describeBadInput('redis', {
  large: false,
  env: () => ({
    LATTICE_LOG: process.env['LATTICE_TEST_REDIS'] ?? '',
    LATTICE_LOG_NAMESPACE: `bad-${randomUUID().slice(0, 8)}`,
  }),
})
