/** Kills of a serving process on the embedded log; `npm run crash -- --kills 50` does more. */
import { describe, expect, test } from 'vitest'
import { killServing } from './kill-serving.ts'

describe('kills: embedded', () => {
  test('[append.survives] [run.resumes] [run.single] [store.deterministic]: a server killed ten times under load finishes every acknowledged task once', async () => {
    const { acknowledged } = await killServing({ kills: 10, note: console.log })
    expect(acknowledged).toBeGreaterThan(50)
  }, 600_000)
})
