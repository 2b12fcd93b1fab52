/** A run id given by how it begins. */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { wholeId } from '#api/cli/whole-id.ts'

const runsDir = mkdtempSync(join(tmpdir(), 'lattice-runs-'))
for (const id of ['01a1-aaaa', '01a1-bbbb', '01a1-bbbb-c']) mkdirSync(join(runsDir, id))

test('is the one that begins so, or the one of that very name', () => {
  expect(wholeId(runsDir, '01a1-a')).toBe('01a1-aaaa')
  expect(wholeId(runsDir, '01a1-bbbb')).toBe('01a1-bbbb')
})

test('stays as it is where nothing begins so, and is refused where several do', () => {
  expect(wholeId(runsDir, '02')).toBe('02')
  expect(wholeId(join(runsDir, 'none'), '01a1')).toBe('01a1')
  expect(() => wholeId(runsDir, '01a1')).toThrow('3 run ids begin with 01a1')
})
