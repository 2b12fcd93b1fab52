/**
 * Folds numbered events into files, in batches of any size: appends, replaces, both at once, and a note. The same
 * events give the same files. As a program it goes on until it is killed (or 30 s have passed). Arguments: root, state.
 */
import { openDiskFolderStore } from '#infra/disk/disk-folder-store.ts'
import type { FolderStore } from '#processors/ports/folder-store.ts'

export function foldEvents(store: FolderStore, to: number, batchSize: () => number): void {
  for (let from = nextOf(store); from < to;) {
    const end = Math.min(to, from + batchSize())
    for (let event = from; event < end; event++) foldEvent(store, event)
    store.commit([{ topic: 'runs.v1', partition: 0, next: end, lastId: `event ${end - 1}` }])
    from = end
  }
}

export function nextOf(store: FolderStore): number {
  return store.checkpoints()[0]?.next ?? 0
}

function foldEvent(store: FolderStore, event: number): void {
  const seen = Number(store.noted('seen') ?? '0') + 1
  store.note('seen', String(seen))
  const run = `run-${event % 20}`
  store.append(`${run}/run.jsonl`, `${JSON.stringify({ event, seen, text: 'é'.repeat(event % 700) })}\n`)
  if (event % 3 === 0) store.replace(`${run}/artifacts/output.txt`, 'x'.repeat((event * 7919) % 9000))
  if (event % 5 === 0) store.append(`${run}/artifacts/output.txt`, `appended by ${event}\n`)
  if (event % 7 === 0) store.replace('index.json', JSON.stringify({ event }))
}

if (import.meta.main) {
  const [root = '', statePath = ''] = process.argv.slice(2)
  const store = openDiskFolderStore({ root, statePath })
  console.log('at work from', nextOf(store))
  while (performance.now() < 30_000) {
    foldEvents(store, nextOf(store) + 100, () => 1 + Math.floor(Math.random() * 30))
  }
}
