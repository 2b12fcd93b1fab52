/**
 * Contract of an event log: what was written by any version of Lattice is read by this one. The golden bytes are from
 * the day each schema version came.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { idOf, record } from '#test/contracts/records.ts'
import { decodeRecords } from '#processors/journal/read.ts'
import { eventTypes } from '#schemas/catalog.ts'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import { unreadableVersions } from '#schemas/wire/compatible.ts'
import { toHeaders } from '#schemas/wire/headers.ts'
import { goldenJson, goldenPaths } from '#scripts/golden.ts'
import { MANY, type PreparedLogs, range } from './prepared-logs.ts'

export function oldEvents(logs: PreparedLogs): void {
  describe('old events', () => {
    it('[schema.compatible] of every version of every schema are read as what they were written as', async () => {
      for (const type of eventTypes) expect(unreadableVersions(schemaVersions[type])).toEqual([])
      const old = goldenPaths().flatMap(({ name, hex, json, schema }) => {
        const type = eventTypes.find((known) => name === `${known}${name.slice(name.lastIndexOf('.'))}`)
        if (type === undefined) throw new Error(`${name} is of no event type`)
        const written = JSON.parse(readFileSync(json, 'utf8')) as object[]
        const values = readFileSync(hex, 'utf8').trim().split('\n')
        const isNewest = schemaVersions[type].at(-1) === schema
        return values.map((value, n) => ({ type, value, data: written[n], isNewest }))
      })
      const records = old.map(({ type, value }, n) => {
        const envelope = { id: `id-${n}`, type, source: '/lattice/old/1', subject: `key-${n % 5}` }
        const headers = toHeaders({ ...envelope, time: '2026-11-21T08:00:00.000Z' })
        return { ...record(envelope.subject, Buffer.from(value, 'hex')), headers }
      })
      const log = await logs.open()
      await log.append(MANY, records)

      const codec = await openCodec(catalogSchemaIds())
      const read = new Map<string, unknown>()
      for (const partition of range(log.partitions(MANY))) {
        for await (const batch of log.read({ topic: MANY, partition, offset: 0 })) {
          for (const event of await decodeRecords(codec, batch, { topic: MANY, partition, wants: () => true })) {
            read.set(idOf(event.record), 'bad' in event ? event.bad : event.data)
          }
        }
      }
      old.forEach(({ data, isNewest }, n) => {
        const event: unknown = JSON.parse(JSON.stringify(read.get(`id-${n}`), goldenJson))
        if (isNewest) expect(event).toEqual(data)
        else expect(event).toBeTypeOf('object')
      })
    })
  })
}
