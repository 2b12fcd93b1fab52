/**
 * Appends numbered rows to two tables, a few or a few thousand a transaction, until it is killed (or 30 s have passed).
 * Arguments: path.
 */
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import type { TableDefinition } from '#processors/ports/column-store.ts'

export const numberedTables: readonly TableDefinition[] = ['one', 'two'].map((name) => ({
  name,
  columns: [
    { name: 'n', kind: 'long', nullable: false },
    { name: 'text', kind: 'string', nullable: true },
  ],
}))

if (import.meta.main) {
  const [path = ''] = process.argv.slice(2)
  const store = await openDuckdbColumnStore({ path })
  await store.define(numberedTables, [])
  let next = (await store.checkpoints())[0]?.next ?? 0
  for (let batch = 1; performance.now() < 30_000; batch = (batch * 7) % 5000) {
    const numbers = Array.from({ length: batch }, (_, index) => next + index)
    const texts = numbers.map((n) => 'x'.repeat(n % 50))
    await store.append('one', [numbers, texts], batch)
    await store.append('two', [numbers, texts], batch)
    next += batch
    await store.commit([{ topic: 'runs.v1', partition: 0, next, lastId: `event ${next - 1}` }])
    console.log('committed')
  }
}
