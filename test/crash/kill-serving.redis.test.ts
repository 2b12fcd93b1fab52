/** Kills of a serving process on a real Redis; `npm run crash -- --log redis --kills 10` does more. */
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { killServing } from './kill-serving.ts'

describe('kills: redis', () => {
  test('[append.survives] [run.resumes] [run.single] [store.deterministic]: a server killed three times under load finishes every acknowledged task once', async () => {
    const log = process.env['LATTICE_TEST_REDIS'] ?? ''
    const { acknowledged } = await killServing({
      kills: 3,
      log,
      namespace: `kill-${randomUUID().slice(0, 8)}`,
      note: console.log,
    })
    expect(acknowledged).toBeGreaterThan(15)
  }, 600_000)
})
