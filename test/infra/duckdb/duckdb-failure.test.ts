/** What DuckDB says of a full disk, as it was seen to say it. */
import { expect, test } from 'vitest'
import { duckdbFailure, isInvalidated } from '#infra/duckdb/duckdb-failure.ts'

const full = [
  'IO Error: Could not write file "x.duckdb": No space left on device',
  "Failed to append: failed to offload data block of size 32.0 KiB (0 bytes/0 bytes used).\nThis limit was set by the 'max_temp_directory_size' setting.",
]

test.for(full)('a full disk is waited for: %s', (message) => {
  expect(duckdbFailure(new Error(message), 'x')).toMatchObject({
    code: 'store.stalled',
    message: 'x: the disk is full',
  })
})

test('a database that measured a full disk is opened again', () => {
  expect(full.map((message) => isInvalidated(new Error(message)))).toEqual([false, true])
})
