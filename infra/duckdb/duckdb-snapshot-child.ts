/** Copies a database file, and what is still in its write-ahead log, to one new file. Arguments: from, to. */
import { constants, copyFileSync, existsSync } from 'node:fs'

const [from = '', to = ''] = process.argv.slice(2)
const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE
copyFileSync(from, to, flags)
if (existsSync(`${from}.wal`)) {
  copyFileSync(`${from}.wal`, `${to}.wal`, flags)
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(to)
  const connection = await instance.connect()
  await connection.run('CHECKPOINT')
  connection.closeSync()
  instance.closeSync()
}
