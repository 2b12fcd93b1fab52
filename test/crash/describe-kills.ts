/** The test of `kill-serving.ts`, for every log. */
import { describe, expect, test } from 'vitest'
import { killServing } from './kill-serving.ts'

export function describeKills(
  log: string,
  given: {
    readonly kills: number
    /** Tasks that are acknowledged meanwhile. */
    readonly moreThan: number
    readonly env: Readonly<Record<string, string>>
  },
): void {
  const { kills, moreThan, env } = given
  describe(`kills: ${log}`, () => {
    test(`[append.survives] [run.resumes] [run.single] [store.deterministic]: a server killed ${kills} times under load finishes every acknowledged task once`, async () => {
      const { acknowledged } = await killServing({ kills, env, note: console.log })
      expect(acknowledged).toBeGreaterThan(moreThan)
    }, 600_000)
  })
}
