/** `lattice verify` on a real Kafka: the whole way, from the command line. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { keyless, lattice, makeFolder, removeFolder } from './cli-process.ts'

test('a task goes through every store, and a rebuilt store is equal', async () => {
  const folder = makeFolder()
  const env = {
    ...keyless,
    LATTICE_LOG: `kafka://${process.env['LATTICE_TEST_KAFKA'] ?? ''}`,
    LATTICE_LOG_NAMESPACE: `cli-${randomUUID().slice(0, 8)}`,
  }
  expect(await lattice(['verify'], { folder, env })).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^(✓ .*\n){4}$/),
  })
  expect(await lattice(['run', 'What does Tidewater keep?'], { folder, env })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('lighthouse log'),
  })
  expect(await lattice(['store', 'rebuild', 'lookup'], { folder, env })).toMatchObject({ code: 0 })
  expect(await lattice(['store', 'diff', 'lookup'], { folder, env })).toMatchObject({ code: 0 })
  removeFolder(folder)
}, 120_000)
