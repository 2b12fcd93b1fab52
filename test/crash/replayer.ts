/** Replays a task as a dry run and is killed at its row. Arguments: folder, and which moment: before, within or after. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { assemble } from '#infra/assemble.ts'
import { readConfig } from '#infra/config/config.ts'
import { gatewayOf } from '#processors/gateway.ts'
import type { RowFile } from '#processors/ports/row-file.ts'
import { start } from '#processors/start.ts'

const [folder = '', moment = ''] = process.argv.slice(2)
const { config } = readConfig({ env: { LATTICE_DATA: join(folder, 'data'), LH_DISTILL_ROOT: folder }, folder })
const { given } = await assemble(config, () => {})

function deadly(file: RowFile): RowFile {
  return {
    ...file,
    async append(rows) {
      if (moment === 'after') await file.append(rows)
      if (moment === 'within') {
        mkdirSync(dirname(file.path), { recursive: true })
        appendFileSync(file.path, rows[0]?.slice(0, 100) ?? '')
      }
      process.kill(process.pid, 'SIGKILL')
    },
  }
}

const openRowFile = (path: string, name: string): RowFile => deadly(given.openRowFile(path, name))
const lattice = await start({ ...given, openRowFile }, { role: 'test', stores: ['lookup', 'search'] })
const traceId = 'a'.repeat(32)
const gone = new AbortController().signal
await gatewayOf(lattice).replay(
  { task: `killed ${moment}`, dryRun: true, noRetrieval: true },
  { principal: 'local', traceId, gone },
)
