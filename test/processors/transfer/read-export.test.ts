/** Exports that somebody made, each with a checksum that is right: refused by name, whatever they say. */
import { hash } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { exportLog } from '#processors/transfer/export-log.command.ts'
import { readExport } from '#processors/transfer/read-export.ts'
import { emptyEmbedded, fillSample, sideOn } from './sample-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'lattice-forged-'))
let whole = ''

beforeAll(async () => {
  const source = await sideOn(await emptyEmbedded(3))
  await fillSample(source)
  const file = join(folder, 'whole')
  await exportLog(source, { file })
  whole = zstdDecompressSync(readFileSync(file)).toString('latin1')
  await source.log.close()
})

async function countOf(file: string): Promise<number> {
  let entries = 0
  for await (const part of readExport(file)) entries += part.entries.length
  return entries
}

function forged(text: string): string {
  const [, content = '', tail = ''] = /^(.*)(\{"end":true.*\n)$/s.exec(text) ?? []
  const sha256 = hash('sha256', Buffer.from(content, 'latin1'), 'hex')
  const file = join(folder, 'forged')
  const signed = content + tail.replace(/"sha256":"[0-9a-f]{64}"/, `"sha256":"${sha256}"`)
  writeFileSync(file, zstdCompressSync(Buffer.from(signed, 'latin1')))
  return file
}

test('one with nothing changed is read', async () => {
  expect(await countOf(forged(whole))).toBeGreaterThan(10)
})

test.for([
  ['bounds that are a number', /"runs.v1":\[.*?\]/, '"runs.v1":5'],
  ['bounds of nothing', /"runs.v1":\[.*?\]/, '"runs.v1":[null]'],
  ['a header that is a number', /"ce_type":"[^"]+"/, '"ce_type":5'],
  ['a schema that is not JSON', /"text":"(?:[^"\\]|\\.)*"/, '"text":"oops"'],
  ['a schema that is none', /"text":"(?:[^"\\]|\\.)*"/, '"text":"{\\"type\\":7}"'],
  ['an object of nine gigabytes', /("object":"[^"]+","bytes":)\d+/, '$19000000000'],
] as const)('one with %s is refused', async ([, what, instead]) => {
  const changed = whole.replace(what, instead)
  expect(changed).not.toBe(whole)
  await expect(countOf(forged(changed))).rejects.toMatchObject({ code: 'log.damaged' })
})
