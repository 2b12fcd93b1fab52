/**
 * The embedded work share keeps the contract of a work share, over one partition and over several.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type WorkShareHarness, describeWorkShare } from '#test/contracts/work-share.ts'
import { type EmbeddedGiven, openFrom, openShareOver } from './open-embedded.ts'

function harness(partitions: number): WorkShareHarness<EmbeddedGiven> {
  return {
    prepare: async () => ({ path: await mkdtemp(join(tmpdir(), 'lattice-work-')), partitions, syncMode: 'off' }),
    openLog: openFrom,
    openShare: openShareOver,
    opener: (space) => ({ module: new URL('./open-embedded.ts', import.meta.url).href, given: space }),
    clear: ({ path }) => rm(path, { recursive: true }),
    leaseMs: 400,
  }
}

describeWorkShare('embedded', harness(1))
describeWorkShare('embedded, three partitions', harness(3))
