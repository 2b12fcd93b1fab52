/**
 * What a store promises on every log: its state and its place commit together, a switch of builds is clean, and all
 * readers tell the same of a run. Each backend's test file calls `describeStores`.
 */
import { describe } from 'vitest'
import { agreeing } from './stores/agreeing.ts'
import { committing } from './stores/committing.ts'
import type { FreshLog } from './stores/fresh-log.ts'
import { promoting } from './stores/promoting.ts'
import { switching } from './stores/switching.ts'

export function describeStores(name: string, fresh: FreshLog): void {
  describe(`stores: ${name}`, { timeout: 90_000 }, () => {
    committing(fresh)
    switching(fresh)
    promoting(fresh)
    agreeing(fresh)
  })
}
