/** Writes the rows of a log's iterate runs until it is killed. Arguments: folder of the log, file, note. */
import { openDiskRowFile } from '#infra/disk/disk-row-file.ts'
import { writeRows } from '#processors/delivery/row-sink.ts'
import { sessionsSink } from '#processors/kinds/iterate/sessions.sink.ts'
import { openLogWorld } from '#test/processors/log-world.ts'

const [folder = '', path = '', notePath = ''] = process.argv.slice(2)
const world = await openLogWorld({ folder })
const file = openDiskRowFile({ path, notePath })
console.log('at work')
await writeRows(
  sessionsSink,
  { ...world.ports, claimCheck: world.claimCheck, file },
  { follow: true, signal: AbortSignal.timeout(60_000) },
)
