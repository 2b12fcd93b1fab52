/**
 * Contract of an event log: what holds when a writer, the server or the network between them fails.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { idOf, readAll, readTopic, record, records } from '#test/contracts/records.ts'
import type { EventLog, NewRecord } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import { MANY, ONE, type PreparedLogs, ackedBy, collect, failureOf, range } from './prepared-logs.ts'

export function failing(logs: PreparedLogs): void {
  const { can, slowness } = logs
  const slow = { timeout: 120_000 * slowness }
  const within = { deadlineMs: 60_000 * slowness }

  describe('failing', () => {
    it('[append.survives] [append.once] a writer killed in the middle leaves everything it acknowledged, once', async () => {
      const log = await logs.open()
      const writer = logs.child({ do: 'append', topic: MANY, writer: 'w', calls: 1_000_000, batch: 3, inFlight: 8 })
      await eventually('50 acknowledgements', () => writer.lines.length > 50)
      writer.kill('SIGKILL')
      await writer.ended
      const stored = (await readTopic(log, MANY)).map(idOf)
      expectOnce(
        stored,
        ackedBy(writer).map(({ id }) => id),
        new Set(),
      )
      expect((await log.append(MANY, records(1, 'next'))).length).toBe(1)
    })

    it.skipIf(!can.restart)(
      '[append.survives] [append.once] the server killed and started again keeps everything acknowledged, once',
      slow,
      async () => {
        const log = await logs.open()
        const stop = new AbortController()
        const seen: string[] = []
        const ended = collect(log, (stored) => seen.push(idOf(stored)), { signal: stop.signal })
        const owners = new Owners(log)
        let stopped = false
        const writers = range(8).map(async (lane) => {
          while (!stopped) await owners.insist(record(`lane-${lane}`, 'x'.repeat(200)))
        })
        for (const _ of range(2)) {
          await owners.progress(100, within)
          await logs.killServer()
          await logs.startServer()
        }
        await owners.progress(100, within)
        stopped = true
        await Promise.all(writers)
        const stored = (await readAll(log, ONE)).map(idOf)
        expectOnce(stored, owners.acked, owners.unsure)
        await eventually('the follower got over it', () => seen.length >= stored.length, within)
        stop.abort()
        await ended
        expect(seen).toEqual(stored)
      },
    )

    it.skipIf(!can.restart)(
      'says log.unavailable when the server is gone longer than a reader waits',
      slow,
      async () => {
        const log = await logs.open()
        await log.append(ONE, records(3, 'a'))
        await logs.killServer()
        expect(await failureOf(readAll(log, ONE, 0, 0, { patienceMs: 300 }))).toBe('log.unavailable')
        const append = failureOf(log.append(ONE, records(1, 'b')))
        await logs.startServer()
        expect(['', 'log.unavailable', 'append.outcome-unknown']).toContain(await append)
        await eventually('it answers again', () => readAll(log, ONE).then(({ length }) => length >= 3), within)
      },
    )

    it.skipIf(!can.cut)(
      '[append.once] replies lost to equal-sized concurrent appends double and lose nothing',
      slow,
      async () => {
        const { log, proxy } = await logs.openThroughProxy()
        const owners = new Owners(log)
        const toCut = new Set<string>()
        proxy.cutWhen = (bytes) => {
          for (const mark of toCut) if (bytes.includes(mark)) return toCut.delete(mark)
          return false
        }
        const laps = 12
        const lane = async (n: number): Promise<void> => {
          for (const lap of range(laps)) {
            const mark = `mark-${String(n).padStart(2, '0')}-${String(lap).padStart(3, '0')}`
            if (n === lap % 8) toCut.add(mark)
            await owners.insist(record(`lane-${n}`, mark))
          }
        }
        await Promise.all(range(8).map(lane))
        expect(proxy.cuts).toBeGreaterThan(3)
        expect(owners.acked.length).toBe(8 * laps)
        const stored = (await readAll(await logs.open(), ONE)).map(idOf)
        expectOnce(stored, owners.acked, owners.unsure)
      },
    )

    it.skipIf(!can.cut)('[log.ordered] a read whose replies are lost goes on where it was', slow, async () => {
      const { log, proxy } = await logs.openThroughProxy()
      for (const lap of range(20)) await log.append(ONE, records(50, `lap-${lap}`, 500))
      const seen: number[] = []
      for await (const batch of log.read({ topic: ONE, partition: 0, offset: 0 }, { batchSize: 20 })) {
        seen.push(...batch.map(({ offset }) => offset))
        if (seen.length % 200 !== 0) continue
        let cut = false
        proxy.cutWhen = () => !cut && (cut = true)
      }
      expect(seen).toEqual(range(1000))
    })

    it('refuses appends after close by name, settles those under way, and ends its reads', async () => {
      const log = await logs.open()
      const reads = collect(log, () => {})
      const ended = reads.then(
        () => 'quietly',
        (error: unknown) => (isFailure(error) ? error.code : String(error)),
      )
      const underWay = log.append(ONE, records(5, 'a'))
      await log.close()
      expect((await underWay).length).toBe(5)
      expect(['quietly', 'log.closed']).toContain(await ended)
      expect(await failureOf(log.append(ONE, records(1, 'a')))).toBe('log.closed')
      await log.close()
      expect((await readAll(await logs.open(), ONE)).length).toBe(5)
    })
  })
}

/** Those who append as an owner must: the same record again until it is acknowledged, never another (R6). */
class Owners {
  readonly acked: string[] = []
  /** Sent again after `append.outcome-unknown`: these alone may stand in the log more than once. */
  readonly unsure = new Set<string>()
  readonly #log: EventLog

  constructor(log: EventLog) {
    this.#log = log
  }

  async insist(wanted: NewRecord): Promise<void> {
    for (;;) {
      try {
        await this.#log.append(ONE, [wanted])
        this.acked.push(idOf(wanted))
        return
      } catch (error) {
        if (isFailure(error, 'append.outcome-unknown')) this.unsure.add(idOf(wanted))
        else if (!isFailure(error, 'log.unavailable')) throw error
        await sleep(20)
      }
    }
  }

  async progress(more: number, within: { deadlineMs: number }): Promise<void> {
    const enough = this.acked.length + more
    await eventually(`${more} acknowledgements`, () => this.acked.length >= enough, within)
  }
}

/** Each acknowledged record is there; once, unless its owner was told that the outcome is unknown and sent it again. */
function expectOnce(stored: readonly string[], acked: readonly string[], unsure: ReadonlySet<string>): void {
  const times = new Map<string, number>()
  for (const id of stored) times.set(id, (times.get(id) ?? 0) + 1)
  expect(acked.filter((id) => !times.has(id))).toEqual([])
  expect([...times].filter(([id, count]) => count > 1 && !unsure.has(id))).toEqual([])
}
