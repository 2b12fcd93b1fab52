/**
 * A process that takes a lock, says whether it got it, and holds it until it is ended.
 */
import { writeSync } from 'node:fs'
import { openSqliteProcessLocks } from '#infra/sqlite/sqlite-process-locks.ts'

const [folder = '', name = ''] = process.argv.slice(2)
const lock = openSqliteProcessLocks(folder).tryAcquire(name)
writeSync(1, lock === undefined ? 'refused\n' : 'held\n')
process.stdin.on('end', () => process.exit(0)).resume()
