/** The content hash tells any two contents apart, and nothing else (R3). */
import { describe, expect, test } from 'vitest'
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import { at } from './sample-tables.ts'

describe('the content hash', () => {
  const fill = async (rows: readonly (readonly [string | null, number | null])[], turned = false): Promise<string> => {
    const columns = [
      { name: 'a', kind: 'string', nullable: true },
      { name: 'b', kind: 'double', nullable: true },
    ] as const
    const other = await openDuckdbColumnStore({ path: ':memory:' })
    await other.define([{ name: 'rows', columns: turned ? columns.toReversed() : columns }], [])
    for (const [a, b] of rows) {
      await other.append('rows', turned ? [[b], [a]] : [[a], [b]], 1)
      await other.commit(at(Math.floor(Math.random() * 100)))
    }
    const { hash } = await other.contentHash()
    expect(await other.contentHash(['rows'])).toEqual({ hash, checkpoints: await other.checkpoints() })
    await other.close()
    return hash
  }

  test('is the same for the same rows in another order, with other checkpoints, in columns declared otherwise', async () => {
    const rows = Array.from({ length: 50 }, (_, n) => [`${n}`, n / 3] as const)
    expect(await fill(rows.toReversed(), true)).toBe(await fill(rows))
  })

  test('differs for any other row, and is zero for none', async () => {
    const one = ['1', 2] as const
    const hashes = await Promise.all([
      fill([one]),
      fill([one, one]),
      fill([['2', 1]]),
      fill([[null, 2]]),
      fill([['', 2]]),
      fill([['null', 2]]),
      fill([['1","2', 2]]),
      fill([['1', -0]]),
      fill([['1', 0]]),
      fill([['1', NaN]]),
      fill([['1', null]]),
      fill([]),
    ])
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hashes.at(-1)).toBe('0'.repeat(32))
  })
})
