/** Budgets at their edge on the embedded log. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { describeSpending } from './spend-budgets.ts'

const path = mkdtempSync(join(tmpdir(), 'lattice-spend-'))
afterAll(() => rmSync(path, { recursive: true, force: true }))

const module = new URL(import.meta.resolve('#test/infra/embedded/open-embedded.ts')).href
describeSpending('embedded', () => ({ module, given: { path, partitions: 1, syncMode: 'full' } }))
