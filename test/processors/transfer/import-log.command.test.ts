/**
 * Export and import between embedded logs: what must come over, and what must stop it.
 */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { letterId } from '#processors/journal/park.ts'
import { exportLog } from '#processors/transfer/export-log.command.ts'
import { importLog } from '#processors/transfer/import-log.command.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { schemaIdIn } from '#schemas/wire/codec.ts'
import {
  type Sample,
  type Side,
  emptyEmbedded,
  eventRecord,
  everyRecord,
  fillSample,
  numberedSchemaIds,
  sideOn,
  storyOf,
} from './sample-log.ts'

let source: Side
let sample: Sample
let folder: string
/** An export of `source`, made once. */
let whole: string

beforeAll(async () => {
  source = await sideOn(await emptyEmbedded(3))
  sample = await fillSample(source)
  whole = join(mkdtempSync(join(tmpdir(), 'lattice-export-')), 'whole.lattice')
  await exportLog(source, { file: whole })
})

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-import-'))
})

const invalid = expect.objectContaining({ code: 'request.invalid' })
const damaged = expect.objectContaining({ code: 'log.damaged' })

describe('an export', () => {
  it('says what it holds', async () => {
    const exported = await exportLog(source, { file: join(folder, 'log') })
    expect(exported.records).toBe((await everyRecord(source.log)).length)
    expect(exported).toMatchObject({ objects: 1, missingObjects: [] })
    expect(exported.topics['runs.v1']).toEqual(await source.log.bounds('runs.v1'))
    expect(source.signals.at(-1)).toMatchObject({ of: 'export', done: exported.records, total: exported.records })
  })

  it('is JSON lines with bytes between them, in zstd', () => {
    const [head] = zstdDecompressSync(readFileSync(whole)).toString('latin1').split('\n')
    expect(JSON.parse(head ?? '')).toMatchObject({ format: 'lattice-export', version: 1, logId: source.log.id })
  })

  it('holds what was there when it began, though records are appended meanwhile', async () => {
    const busy = await sideOn(await emptyEmbedded(2))
    await fillSample(busy)
    const before = (await everyRecord(busy.log)).length
    const more = eventRecord(busy.codec, 'run.started', { key: 'late', data: { worker: 'w' } })
    const file = join(folder, 'log')
    const report = (): void => void busy.log.append('runs.v1', [more])
    expect((await exportLog({ ...busy, report }, { file })).records).toBe(before)
    const target = await sideOn(await emptyEmbedded(1))
    expect((await importLog(target, { file })).records).toBe(before)
  })

  it('never replaces a file, and leaves nothing behind when it fails', async () => {
    const file = join(folder, 'log')
    writeFileSync(file, 'precious')
    await expect(exportLog(source, { file })).rejects.toThrow(invalid)
    expect(readFileSync(file, 'utf8')).toBe('precious')
    const other = join(folder, 'other')
    await expect(exportLog(source, { file: other, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
    expect([other, `${other}.partial`].filter((path) => existsSync(path))).toEqual([])
    await expect(exportLog(source, { file: join(folder, 'no', 'folder') })).rejects.toThrow(invalid)
  })

  it('goes on where an object is gone, and names it, unless it was erased on purpose', async () => {
    const poor = await sideOn(await emptyEmbedded(1))
    const { object } = await fillSample(poor)
    await poor.objects.remove(object)
    const exported = await exportLog(poor, { file: join(folder, 'missing') })
    expect(exported).toMatchObject({ objects: 0, missingObjects: [object] })
    const erased = eventRecord(poor.codec, 'object.erased', {
      key: object,
      data: { sha256: object, reason: 'asked for', principal: 'local' },
    })
    await poor.log.append('operations.v1', [erased])
    expect((await exportLog(poor, { file: join(folder, 'erased') })).missingObjects).toEqual([])
  })
})

describe('an import', () => {
  it('into the same partition count is the same log, byte for byte and place for place', async () => {
    const target = await sideOn(await emptyEmbedded(3))
    const imported = await importLog(target, { file: whole })
    const there = await everyRecord(target.log)
    expect(there).toEqual(await everyRecord(source.log))
    expect(imported).toMatchObject({ records: there.length, objects: 1, source: { logId: source.log.id } })
    expect(Buffer.from(await target.objects.get(sample.object)).toString()).toBe('a very long answer')
    expect(target.signals.at(-1)).toMatchObject({ of: 'import', done: there.length, total: there.length })
  })

  it.for([1, 2, 6])('into %i partitions keeps what each key has, in its order', async (partitions) => {
    const target = await sideOn(await emptyEmbedded(partitions))
    await importLog(target, { file: whole })
    const runs = async (side: Side) =>
      storyOf(
        (await everyRecord(side.log)).filter(({ at }) => at.topic === 'runs.v1'),
        side.codec,
      )
    expect(await runs(target)).toEqual(await runs(source))
  })

  it('into one partition stands about as it happened', async () => {
    const target = await sideOn(await emptyEmbedded(1))
    await importLog(target, { file: whole })
    const times = (await everyRecord(target.log))
      .filter(({ at, record }) => at.topic === 'runs.v1' && record.headers['ce_type'] === 'attempt.completed')
      .flatMap(({ record }) => record.headers['ce_time'] ?? [])
    expect(times).toEqual(times.toSorted())
  })

  it.for([
    ['a registry', catalogSchemaIds(), numberedSchemaIds()],
    ['the catalog', numberedSchemaIds(), catalogSchemaIds()],
    ['another registry', numberedSchemaIds(), numberedSchemaIds(100)],
  ] as const)('into %s gives values the ids of that one, and nothing else changes', async ([, from, to]) => {
    const [left, right] = [await sideOn(await emptyEmbedded(3), from), await sideOn(await emptyEmbedded(3), to)]
    await fillSample(left)
    const file = join(folder, 'log')
    await exportLog(left, { file })
    await importLog(right, { file })
    const [here, there] = [await everyRecord(left.log), await everyRecord(right.log)]
    expect(storyOf(there, right.codec)).toEqual(storyOf(here, left.codec))
    const ids = there.flatMap(({ record }) => schemaIdIn(record.value) ?? [])
    expect(new Set(ids).size).toBe(4)
    for (const id of ids) expect(await to.schemaOf(id)).toBeDefined()
    for (const [n, { record }] of there.entries()) {
      const before = here[n]?.record.value ?? Buffer.alloc(0)
      expect(record.value.subarray(5)).toEqual(before.subarray(5))
    }
  })

  it('moves a dead letter to where its record went, with what became of it', async () => {
    const target = await sideOn(await emptyEmbedded(1))
    await importLog(target, { file: whole })
    const there = await everyRecord(target.log)
    const poison = there.find(({ record }) => record.headers['ce_id'] === sample.poison.id)
    expect(poison?.at).not.toEqual(sample.poison.at)
    const [parked, discarded] = there.filter(({ at }) => at.topic === 'dead-letters.v1')
    const { offset = -2 } = poison?.at ?? {}
    const letter = letterId('lookup', 1, { topic: 'runs.v1', partition: 0, offset })
    expect(parked?.record).toMatchObject({
      key: `runs.v1:0:${offset}`,
      headers: { ce_id: letter, ce_type: 'record.parked' },
    })
    expect(target.codec.decode('record.parked', parked?.record.value ?? Buffer.alloc(0))).toMatchObject({
      partition: 0,
      offset,
    })
    expect(target.codec.decode('letter.discarded', discarded?.record.value ?? Buffer.alloc(0)).letter).toBe(letter)
  })

  it('of a log whose first records are gone leaves no letter that names another record', async () => {
    const log = await emptyEmbedded(1)
    const trimmed = await sideOn(log)
    const { poison } = await fillSample(trimmed)
    await log.trim('runs.v1', 0, poison.at.offset + 1)
    await log.append('runs.v1', [eventRecord(trimmed.codec, 'run.started', { key: 'after', data: { worker: 'w' } })])
    const file = join(folder, 'log')
    await exportLog(trimmed, { file })
    const target = await sideOn(await emptyEmbedded(1))
    await importLog(target, { file })
    const there = await everyRecord(target.log)
    expect(there.filter(({ at }) => at.topic === 'runs.v1').map(({ record }) => record.key)).toEqual(['after'])
    const parked = there.find(({ record }) => record.headers['ce_type'] === 'record.parked')
    expect(target.codec.decode('record.parked', parked?.record.value ?? Buffer.alloc(0)).offset).toBe(-1)
    expect(parked?.record.headers['ce_id']).toBe(poison.letter)
  })

  it('refuses a log that is not empty, and says what to do', async () => {
    const target = await sideOn(await emptyEmbedded(1))
    await target.log.append('documents.v1', [
      eventRecord(target.codec, 'run.started', { key: 'a', data: { worker: 'w' } }),
    ])
    const refused = await importLog(target, { file: whole }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'request.invalid', remedy: expect.stringContaining('new log') })
    expect(await everyRecord(target.log)).toHaveLength(1)
  })

  it('stops when somebody else writes to the log meanwhile', async () => {
    const target = await sideOn(await emptyEmbedded(1))
    const foreign = eventRecord(target.codec, 'run.started', { key: 'foreign', data: { worker: 'w' } })
    const idOf: typeof target.schemaIds.idOf = async (subject, schema) => {
      await target.log.append('runs.v1', [foreign])
      return await target.schemaIds.idOf(subject, schema)
    }
    const ports = { ...target, schemaIds: { ...target.schemaIds, idOf } }
    await expect(importLog(ports, { file: whole })).rejects.toThrow(/somebody else writes/)
  })

  it('appends nothing when a schema is refused by the target', async () => {
    const target = await sideOn(await emptyEmbedded(1))
    const idOf = (): Promise<number> => Promise.reject(new Error('incompatible'))
    await expect(importLog({ ...target, schemaIds: { ...target.schemaIds, idOf } }, { file: whole })).rejects.toThrow(
      'incompatible',
    )
    expect(await everyRecord(target.log)).toEqual([])
  })

  it('takes records with keys that no log of ours takes under a stand-in', async () => {
    const foreign = { ...source, log: { ...foreignLog('', 'k'.repeat(600)) } }
    const file = join(folder, 'log')
    await exportLog(foreign, { file })
    const target = await sideOn(await emptyEmbedded(1))
    await importLog(target, { file })
    const [first, second, third] = await everyRecord(target.log)
    expect(first?.record.key).toBe('no-key')
    expect(second?.record.key).toMatch(/^[0-9a-f]{64}$/)
    expect(third).toBe(undefined)
  })
})

/** A log that holds one bare record a key, as a foreign producer may write them. */
function foreignLog(...keys: string[]): Side['log'] {
  const records = keys.map((key, offset) => ({ offset, key, headers: {}, value: Buffer.from('x') }))
  return {
    ...source.log,
    id: 'foreign',
    backend: 'kafka',
    bounds: (topic) => Promise.resolve([{ partition: 0, first: 0, next: topic === 'runs.v1' ? records.length : 0 }]),
    async *read() {
      yield await Promise.resolve(records)
    },
  }
}

describe('a file that is not whole', () => {
  const broken = (harm: (file: string) => void): string => {
    const file = join(folder, 'broken')
    copyFileSync(whole, file)
    harm(file)
    return file
  }
  const rewritten = (change: (text: string) => string): string =>
    broken((file) => {
      const text = zstdDecompressSync(readFileSync(file)).toString('latin1')
      const changed = change(text)
      if (changed === text) throw new Error('nothing was changed')
      writeFileSync(file, zstdCompressSync(Buffer.from(changed, 'latin1')))
    })

  async function refused(file: string, error: unknown = damaged): Promise<void> {
    const target = await sideOn(await emptyEmbedded(1))
    await expect(importLog(target, { file })).rejects.toThrow(error)
    expect(await everyRecord(target.log)).toEqual([])
    const objects = []
    for await (const object of target.objects.list()) objects.push(object)
    expect(objects).toEqual([])
  }

  it('is refused wherever it was cut', async () => {
    const { length } = readFileSync(whole)
    for (const keep of [0, 1, 4, Math.floor(length / 3), length - 5, length - 1]) {
      await refused(broken((file) => truncateSync(file, keep)))
    }
  })

  it('is refused wherever a byte was changed', async () => {
    const { length } = readFileSync(whole)
    for (let lap = 0; lap < 12; lap += 1) {
      const at = Math.floor((length * lap) / 12) + 7
      const harm = (file: string): void => {
        const bytes = readFileSync(file)
        bytes[at] = (bytes[at] ?? 0) ^ 0x10
        writeFileSync(file, bytes)
      }
      await refused(broken(harm))
    }
  })

  it.for([
    ['a value', (text: string) => text.replace('answer 3 of run-5', 'answer 3 of run-6')],
    ['a key', (text: string) => text.replace('"key":"run-5"', '"key":"run-6"')],
    ['an object', (text: string) => text.replace('a very long answer', 'a very wrong answe')],
    ['the checksum', (text: string) => text.replace(/"sha256":"[0-9a-f]{64}"}\n$/, `"sha256":"${'0'.repeat(64)}"}\n`)],
    ['a count', (text: string) => text.replace(/"records":\d+/, '"records":1')],
    ['the partitions it says it has', (text: string) => text.replace(/"next":[1-9]\d*/, '"next":1')],
    ['its end', (text: string) => text.slice(0, text.lastIndexOf('{"end"'))],
    ['what follows its end', (text: string) => `${text}{"schema":1,"text":""}\n`],
    ['its beginning', (text: string) => text.replace('lattice-export', 'another-export')],
  ] as const)('is refused when %s was changed and packed again', async ([, change]) => {
    await refused(rewritten(change))
  })

  it('is refused when it is something else', async () => {
    await refused(broken((file) => writeFileSync(file, 'SQLite format 3\0')))
    await refused(join(folder, 'not there'), invalid)
    await refused(folder, invalid)
  })

  it('is refused by name when a newer version wrote it', async () => {
    const newer = expect.objectContaining({ code: 'log.newer' })
    await refused(
      rewritten((text) => text.replace('"version":1', '"version":2')),
      newer,
    )
    await refused(
      rewritten((text) => text.replaceAll('documents.v1', 'documents.v9')),
      expect.anything(),
    )
  })

  it('still counts as whole with bytes behind the compressed stream, which no one reads', async () => {
    const file = broken((path) => appendFileSync(path, 'trailing'))
    const target = await sideOn(await emptyEmbedded(1))
    await importLog(target, { file })
    expect((await everyRecord(target.log)).length).toBeGreaterThan(0)
  })
})
