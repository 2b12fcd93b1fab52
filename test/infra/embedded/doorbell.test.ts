/**
 * The doorbell: what another process writes is noticed, also where a ring cannot be heard.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Doorbell, lookEveryMs } from '#infra/embedded/doorbell.ts'
import { openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { records } from '#test/contracts/records.ts'

test('a ring is heard by those who listen, long before the slow look', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-bell-'))
  let heard = 0
  const [listener, ringer] = [
    new Doorbell(join(folder, 'bell'), () => (heard += 1)),
    new Doorbell(join(folder, 'bell'), () => {}),
  ]
  const hangUp = listener.listen()
  const begun = performance.now()
  ringer.ring()
  await eventually('the ring', () => heard > 0, { everyMs: 1 })
  expect(performance.now() - begun).toBeLessThan(lookEveryMs)
  hangUp()
  for (const bell of [listener, ringer]) bell.close()
  rmSync(folder, { recursive: true })
})

test('one who rings again and again is heard now and then, and once more after the last ring', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-bell-'))
  let heard = 0
  let rung = 0
  let rungWhenHeard = 0
  const [listener, ringer] = [
    new Doorbell(join(folder, 'bell'), () => {
      heard += 1
      rungWhenHeard = rung
    }),
    new Doorbell(join(folder, 'bell'), () => {}),
  ]
  const hangUp = listener.listen()
  for (; rung < 200;) {
    rung += 1
    ringer.ring()
    await turn()
  }
  await eventually('the last ring', () => rungWhenHeard === 200, { everyMs: 1 })
  expect(heard).toBeLessThan(100)
  hangUp()
  for (const bell of [listener, ringer]) bell.close()
  rmSync(folder, { recursive: true })
})

test('a bell that is deleted while it is watched is looked at as often as one that cannot be watched', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-bell-'))
  let heard = 0
  const bell = new Doorbell(join(folder, 'bell'), () => (heard += 1))
  const hangUp = bell.listen()
  rmSync(join(folder, 'bell'))
  await eventually('that it is gone', () => heard > 0, { everyMs: 1 })
  const begun = performance.now()
  heard = 0
  await eventually('three slow looks', () => heard >= 3, { everyMs: 5 })
  expect(performance.now() - begun).toBeGreaterThan(lookEveryMs)
  hangUp()
  bell.close()
  rmSync(folder, { recursive: true })
})

test('a follower sees what another writes though no bell can be rung', async () => {
  const path = mkdtempSync(join(tmpdir(), 'lattice-bell-'))
  mkdirSync(join(path, 'log.bell'))
  const [reader, writer] = [await openEmbeddedEventLog({ path }), await openEmbeddedEventLog({ path })]
  const stop = new AbortController()
  const seen: number[] = []
  const ended = (async () => {
    const from = { topic: 'runs.v1', partition: 0, offset: 0 }
    for await (const batch of reader.read(from, { follow: true, signal: stop.signal }))
      seen.push(...batch.map(({ offset }) => offset))
  })()
  for (const i of [1, 2, 3]) {
    await writer.append('runs.v1', records(1, 'a'))
    await eventually(`record ${i}`, () => seen.length === i)
  }
  stop.abort()
  await ended
  for (const log of [reader, writer]) await log.close()
  rmSync(path, { recursive: true })
})
