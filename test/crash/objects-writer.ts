/** Puts objects without end, several at a time, and prints each name once it is acknowledged. Arguments: folder. */
import { writeSync } from 'node:fs'
import { openDiskObjects } from '#infra/disk/disk-objects.ts'

const [folder = ''] = process.argv.slice(2)
const objects = openDiskObjects(folder)
let next = Date.now() * 1000
while (performance.now() < 30_000) {
  const names = await Promise.all(
    [1, 2, 3].map((size) => objects.put(Buffer.alloc(size * 100_000, `object ${next++} `))),
  )
  writeSync(1, `${names.join('\n')}\n`)
}
