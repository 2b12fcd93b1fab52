/** Settings of a process whose log is the tests' real server, in a namespace of its own. */
import { randomUUID } from 'node:crypto'

const addresses = {
  redis: () => process.env['LATTICE_TEST_REDIS'] ?? '',
  kafka: () => `kafka://${process.env['LATTICE_TEST_KAFKA'] ?? ''}`,
}

export function logSettings(log: keyof typeof addresses): Readonly<Record<string, string>> {
  return { LATTICE_LOG: addresses[log](), LATTICE_LOG_NAMESPACE: `test-${randomUUID().slice(0, 8)}` }
}
