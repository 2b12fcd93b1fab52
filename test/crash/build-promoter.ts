/** Makes, promotes and removes builds of one store until it is killed (or 30 s have passed). Arguments: root. */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStoreFolder } from '#infra/disk/store-folder.ts'

const [root = ''] = process.argv.slice(2)
let made = Date.now() * 1000
const builds = openStoreFolder({ root, newId: () => `${(made++).toString(16)}-${randomUUID()}` })
while (performance.now() < 30_000) {
  const build = builds.create('lookup', 1)
  writeFileSync(join(build.folder, 'whole'), 'yes')
  builds.promote(build)
  console.log('promoted')
  for (const old of builds.list('lookup').slice(0, -2)) builds.remove(old)
}
