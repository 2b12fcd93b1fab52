/**
 * A log that goes from the embedded backend to another and back: nothing may be lost or changed on the way.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { EventLog } from '#processors/ports/event-log.ts'
import { exportLog } from '#processors/transfer/export-log.command.ts'
import { importLog } from '#processors/transfer/import-log.command.ts'
import type { SchemaIds } from '#schemas/wire/schema-ids.ts'
import { type Side, emptyEmbedded, everyRecord, fillSample, numberedSchemaIds, sideOn, storyOf } from './sample-log.ts'

/** `open` gives an empty log with so many partitions. */
export function describeRoundTrip(name: string, open: (partitions: number) => Promise<EventLog>): void {
  describe(`export and import: ${name}`, { timeout: 60_000 }, () => {
    const file = (): string => join(mkdtempSync(join(tmpdir(), 'lattice-round-')), 'log')
    const moved = async (from: Side, to: EventLog, schemaIds?: SchemaIds): Promise<Side> => {
      const target = await sideOn(to, schemaIds)
      const path = file()
      const { records } = await exportLog(from, { file: path })
      expect((await importLog(target, { file: path })).records).toBe(records)
      return target
    }
    /** What a move to another partition count may not change. */
    const runs = async (side: Side): Promise<unknown> =>
      storyOf(
        (await everyRecord(side.log)).filter(({ at }) => at.topic === 'runs.v1'),
        side.codec,
      )

    it('from an embedded log of the same partitions and back is byte for byte the same', async () => {
      const source = await sideOn(await emptyEmbedded(3))
      await fillSample(source)
      const there = await moved(source, await open(3))
      const back = await moved(there, await emptyEmbedded(3))
      const wanted = await everyRecord(source.log)
      expect(asPlain(await everyRecord(there.log))).toEqual(asPlain(wanted))
      expect(asPlain(await everyRecord(back.log))).toEqual(asPlain(wanted))
      await Promise.all([source, there, back].map((side) => side.log.close()))
    })

    it('to other partitions and other schema ids, and back, keeps what each run has, in its order', async () => {
      const source = await sideOn(await emptyEmbedded(1))
      const { poison } = await fillSample(source, 50)
      const there = await moved(source, await open(6), numberedSchemaIds(1000))
      expect(await runs(there)).toEqual(await runs(source))
      const back = await moved(there, await emptyEmbedded(2))
      expect(await runs(back)).toEqual(await runs(source))
      const stored = await everyRecord(back.log)
      const at = stored.find(({ record }) => record.headers['ce_id'] === poison.id)?.at
      const parked = stored.find(({ record }) => record.headers['ce_type'] === 'record.parked')
      expect(back.codec.decode('record.parked', parked?.record.value ?? Buffer.alloc(0))).toMatchObject(
        at ?? { never: 0 },
      )
      await Promise.all([source, there, back].map((side) => side.log.close()))
    })

    it('is refused into a log that is not empty', async () => {
      const source = await sideOn(await emptyEmbedded(1))
      await fillSample(source, 3)
      const there = await moved(source, await open(2))
      const path = file()
      await exportLog(source, { file: path })
      await expect(importLog(there, { file: path })).rejects.toThrow(/not empty/)
      await Promise.all([source, there].map((side) => side.log.close()))
    })
  })
}

function asPlain(stored: Awaited<ReturnType<typeof everyRecord>>): unknown {
  return stored.map(({ at, record: { key, headers, value } }) => {
    return { at, key, headers: { ...headers }, value: Buffer.from(value).toString('hex') }
  })
}
