/** The mark of an import under way. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { exportLog } from '#processors/transfer/export-log.command.ts'
import { importLog } from '#processors/transfer/import-log.command.ts'
import { refuseUnfinishedImport } from '#processors/transfer/unfinished-import.query.ts'
import { type Side, emptyEmbedded, fillSample, sideOn } from './sample-log.ts'

let source: Side
let whole: string
let folder: string

beforeAll(async () => {
  source = await sideOn(await emptyEmbedded(3))
  await fillSample(source)
  whole = join(mkdtempSync(join(tmpdir(), 'lattice-export-')), 'whole.lattice')
  await exportLog(source, { file: whole })
})

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-import-'))
})

const failure = (code: string) => expect.objectContaining({ code })

test('an import that is cut off leaves a mark by which that log, and no other, is refused; one that ends leaves none', async () => {
  const data = join(folder, 'data')
  const target = await sideOn(await emptyEmbedded(1))
  let appends = 0
  const failing = {
    ...target,
    log: {
      ...target.log,
      id: target.log.id,
      backend: target.log.backend,
      bounds: target.log.bounds.bind(target.log),
      append: async (...given: Parameters<typeof target.log.append>) => {
        if ((appends += 1) > 1) throw new Error('cut off')
        return target.log.append(...given)
      },
    },
  }
  await expect(importLog(failing, { file: whole, data })).rejects.toThrow('cut off')
  expect(() => refuseUnfinishedImport(data, target.log.id)).toThrow(/was cut off/)
  expect(() => refuseUnfinishedImport(data, 'another')).not.toThrow()

  const other = await sideOn(await emptyEmbedded(1))
  await importLog(other, { file: whole, data })
  expect(() => refuseUnfinishedImport(data, other.log.id)).not.toThrow()
})

test('an import that finds its file damaged, or its log not empty, leaves no mark', async () => {
  const data = join(folder, 'data')
  await expect(importLog(source, { file: whole, data })).rejects.toThrow(failure('request.invalid'))
  const target = await sideOn(await emptyEmbedded(1))
  const broken = join(folder, 'broken')
  writeFileSync(broken, 'no export')
  await expect(importLog(target, { file: broken, data })).rejects.toThrow(failure('log.damaged'))
  expect(existsSync(data)).toBe(false)
})
