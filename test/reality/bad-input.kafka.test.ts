/** Input that is too large, not text, or no event, on a real Kafka. */
import { randomUUID } from 'node:crypto'
import { describeBadInput } from './bad-input.ts'

describeBadInput('kafka', {
  large: false,
  env: () => ({
    LATTICE_LOG: `kafka://${process.env['LATTICE_TEST_KAFKA'] ?? ''}`,
    LATTICE_LOG_NAMESPACE: `bad-${randomUUID().slice(0, 8)}`,
  }),
})
