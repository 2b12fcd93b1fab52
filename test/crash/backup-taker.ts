/** Takes backups of one LATTICE_DATA without end, each into a new folder, until it is killed. Arguments: data, folder. */
import { join } from 'node:path'
import { copyEmbeddedLog } from '#infra/embedded/copy-embedded-log.ts'
import { createSystemClock } from '#infra/system/system-clock.ts'
import { backUp } from '#processors/transfer/backup.command.ts'

const [data = '', folder = ''] = process.argv.slice(2)
const ports = { clock: createSystemClock(), report: () => {} }
console.log('at work')
for (let n = 0; performance.now() < 30_000; n += 1) {
  const to = join(folder, String(n).padStart(3, '0'))
  await backUp(ports, { data, to, copyLog: (path) => copyEmbeddedLog(data, path) })
}
