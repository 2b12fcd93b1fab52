/** What a backend brings to the contract of stores: logs, each fresh and empty, unlike all others. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Opener } from '#test/contracts/opener.ts'

export type FreshLog = (partitions: number) => Opener

/** Goes with the other temporary ones when the tests end. */
export function freshFolder(): string {
  return mkdtempSync(join(tmpdir(), 'lattice-stores-'))
}
