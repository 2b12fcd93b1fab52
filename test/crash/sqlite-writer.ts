/** Counts up in two tables and a checkpoint, a few rows a transaction, until it is killed (or 30 s have passed). Arguments: path. */
import { openSqliteTableStore } from '#infra/sqlite/sqlite-table-store.ts'

const [path = ''] = process.argv.slice(2)
const store = openSqliteTableStore({ path })
const next = (): number => store.get<{ next: number }>('SELECT next FROM checkpoints')?.next ?? 0
for (let batch = 1; performance.now() < 30_000; batch = (batch % 50) + 1) {
  store.transaction(() => {
    const from = next()
    for (let row = from; row < from + batch; row++) {
      store.run('INSERT INTO one VALUES (?, ?)', row, 'x'.repeat(row % 3000))
      store.run('INSERT INTO two VALUES (?)', row)
    }
    store.run('INSERT OR REPLACE INTO checkpoints VALUES (0, ?)', from + batch)
  })
  console.log('committed')
}
