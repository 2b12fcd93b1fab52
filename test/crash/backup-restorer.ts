/** Restores one backup without end, each time into a new folder, until it is killed. Arguments: backup, folder. */
import { join } from 'node:path'
import { restore } from '#processors/transfer/restore.command.ts'

const [from = '', folder = ''] = process.argv.slice(2)
console.log('at work')
for (let n = 0; performance.now() < 30_000; n += 1) {
  await restore({ report: () => {} }, { from, data: join(folder, String(n).padStart(3, '0')) })
}
