/**
 * What every event log must do, whatever stands behind it. Each backend's test file calls `describeEventLog`.
 *
 * A test's title begins with the promise it proves, where it proves one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EventLog, type NewRecord, type StoredRecord, partitionOf, recordLimits } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import { type Position, formatToken, parseToken } from '#schemas/position.ts'
import type { CuttingProxy } from './cutting-proxy.ts'
import { eventually } from './eventually.ts'
import type { LogLine, LogTask } from './log-child.ts'
import { type Child, type Opener, startChild } from './opener.ts'
import { content, idOf, readAll, readTopic, record, records } from './records.ts'

/** What a backend brings so that the suite can be run against it. Optional parts a backend can't do are left out. */
export interface EventLogHarness<Space> {
  /** Room for one log, fresh and empty, unlike all others. Called once a test. */
  prepare(): Promise<Space>
  /** Opens the log of that space, creating it the first time; several may be open at once. Closed by the suite. */
  open(space: Space): Promise<EventLog>
  /** How another process opens the same. */
  opener(space: Space): Opener
  /** Frees what `prepare` took. The logs are closed by then. */
  clear(space: Space): Promise<void>
  /** Drops the records before this offset, as an operator would. */
  trim?(space: Space, topic: Position['topic'], partition: number, before: number): Promise<void>
  /** All history of the space is gone and an empty one stands at the same address. The suite has closed its logs. */
  recreate?(space: Space): Promise<void>
  /** The server behind the log: ended as by `kill -9`, then started again on its data. */
  readonly server?: { kill(space: Space): Promise<void>; start(space: Space): Promise<void> }
  /** The same log opened through a proxy that can lose replies. The suite closes the log, then the proxy. */
  openThroughProxy?(space: Space): Promise<{ log: EventLog; proxy: CuttingProxy }>
  /** Multiplies deadlines; 1 by default. */
  readonly slowness?: number
}

/** A topic with one partition on every log, and one that may have several. */
const ONE = 'operations.v1'
const MANY = 'runs.v1'

export function describeEventLog<Space>(name: string, harness: EventLogHarness<Space>): void {
  const slowness = harness.slowness ?? 1
  const timeout = 30_000 * slowness

  describe(`event log: ${name}`, { timeout }, () => {
    let space: Space
    let opened: EventLog[] = []
    let children: Child<LogLine>[] = []
    const cleanUp: (() => Promise<void>)[] = []

    beforeEach(async () => {
      space = await harness.prepare()
    }, timeout)

    afterEach(async () => {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(children.map((child) => child.ended))
      await Promise.all(opened.map((log) => log.close()))
      for (const clean of cleanUp.splice(0)) await clean()
      opened = []
      children = []
      await harness.clear(space)
    }, timeout)

    async function open(): Promise<EventLog> {
      const log = await harness.open(space)
      opened.push(log)
      return log
    }

    function child(task: TaskOf<LogTask>): Child<LogLine> {
      const started = startChild<LogLine>('log-child.ts', { ...task, opener: harness.opener(space) })
      children.push(started)
      return started
    }

    describe('appending', () => {
      it('log.ordered: gives contiguous positions from 0, a partition each', async () => {
        const log = await open()
        const first = await log.append(ONE, records(3, 'a'))
        const second = await log.append(ONE, records(2, 'b'))
        expect([...first, ...second]).toEqual([0, 1, 2, 3, 4].map((offset) => ({ topic: ONE, partition: 0, offset })))
      })

      it('puts each record into the partition of its key', async () => {
        const log = await open()
        const batch = Array.from({ length: 40 }, (_, i) => record(`key-${i}`))
        const positions = await log.append(MANY, batch)
        expect(positions.map((p) => p.partition)).toEqual(batch.map((r) => partitionOf(r.key, log.partitions(MANY))))
        for (const { partition, next } of await log.bounds(MANY)) {
          const mine = positions.filter((p) => p.partition === partition).map((p) => p.offset)
          expect(mine).toEqual(Array.from({ length: next }, (_, i) => i))
          const expected = batch.filter((_, i) => positions[i]?.partition === partition)
          expect((await readAll(log, MANY, partition)).map(content)).toEqual(expected.map(content))
        }
      })

      it('log.ordered: keeps the records of one call together and in order beside 64 concurrent calls', async () => {
        const log = await open()
        const calls = Array.from({ length: 64 }, (_, i) => records(1 + (i % 5), `call-${i}`))
        const positions = await Promise.all(calls.map((call) => log.append(ONE, call)))
        const stored = await readAll(log, ONE)
        expect(stored.map((r) => r.offset)).toEqual(Array.from({ length: calls.flat().length }, (_, i) => i))
        calls.forEach((call, i) => {
          const at = positions[i]?.map((p) => p.offset) ?? []
          expect(at).toEqual(call.map((_, n) => (at[0] ?? -1) + n))
          expect(at.map((offset) => content(stored[offset] as StoredRecord))).toEqual(call.map(content))
        })
      })

      it('an empty call gives no positions and writes nothing', async () => {
        const log = await open()
        expect(await log.append(ONE, [])).toEqual([])
        expect(await log.bounds(ONE)).toEqual([{ partition: 0, first: 0, next: 0 }])
      })

      it('keeps keys, headers and values as they are, also unicode, empty and binary', async () => {
        const log = await open()
        const odd: NewRecord[] = [
          record('schlüssel-🔑-鍵', 'wörld 🌍 \u0000 ✓', { subject: 'zażółć gęślą jaźń 🐙', empty: '' }),
          record('k', new Uint8Array(0)),
          record('x'.repeat(512), Uint8Array.from({ length: 256 }, (_, i) => i), { 'x-long': 'v'.repeat(3000) }),
          { key: 'bare', headers: {}, value: Buffer.from([0]) },
          record('line\nbreak', 'a\r\nb', { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }),
        ]
        await log.append(ONE, odd)
        expect((await readAll(log, ONE)).map(content)).toEqual(odd.map(content))
        const again = await open()
        expect((await readAll(again, ONE)).map(content)).toEqual(odd.map(content))
      })

      it('takes a call of recordLimits.bytes as one record, and the next one follows it', async () => {
        const log = await open()
        const large = ofSize('large', recordLimits.bytes)
        await log.append(ONE, [large])
        await log.append(ONE, records(1, 'after'))
        const stored = await readAll(log, ONE)
        expect(stored.map((r) => r.value.length)).toEqual([large.value.length, 16])
        expect(Buffer.compare(stored[0]?.value ?? Buffer.alloc(0), large.value)).toBe(0)
      })

      it('refuses a call above recordLimits.bytes or recordLimits.records by name and writes nothing of it', async () => {
        const log = await open()
        const tooLarge = [record('small'), ofSize('large', recordLimits.bytes)]
        expect(await failureOf(log.append(ONE, tooLarge))).toBe('record.too-large')
        expect(await failureOf(log.append(ONE, records(recordLimits.records + 1, 'many')))).toBe('record.too-large')
        expect(await log.bounds(ONE)).toEqual([{ partition: 0, first: 0, next: 0 }])
        expect(await log.append(ONE, records(1, 'next'))).toEqual([{ topic: ONE, partition: 0, offset: 0 }])
      })

      it('log.ordered: two logs opened at once append to one history', async () => {
        const [left, right] = [await open(), await open()]
        expect(right.id).toBe(left.id)
        const acked = await Promise.all([left, right].flatMap((log, w) => range(50).map((i) => log.append(ONE, records(2, `w${w}-${i}`)))))
        const offsets = acked.flat().map((p) => p.offset)
        expect(offsets.toSorted((a, b) => a - b)).toEqual(range(200))
        expect((await readAll(left, ONE)).map(content)).toEqual((await readAll(right, ONE)).map(content))
      })

      it('log.ordered: writers in three processes append to one history', async () => {
        const log = await open()
        const writers = [1, 2].map((w) => child({ do: 'append', topic: ONE, writer: `w${w}`, calls: 50, batch: 3, inFlight: 4 }))
        const own: [string, number][] = []
        for (let i = 0; i < 25; i += 1) {
          const batch = records(3, 'own')
          const positions = await log.append(ONE, batch)
          positions.forEach((p, n) => own.push([idOf(batch[n] as NewRecord), p.offset]))
        }
        for (const writer of writers) expect(await writer.ended).toBe(0)
        const acked = [...own, ...writers.flatMap((writer) => ackedBy(writer))]
        const stored = await readAll(log, ONE)
        expect(stored.map((r) => r.offset)).toEqual(range(375))
        expect(acked.length).toBe(375)
        for (const [id, offset] of acked) expect(idOf(stored[offset] as StoredRecord)).toBe(id)
      })
    })

    describe('reading', () => {
      it('an empty topic has empty bounds in every partition and reads as nothing', async () => {
        const log = await open()
        const bounds = await log.bounds(MANY)
        expect(bounds).toEqual(range(log.partitions(MANY)).map((partition) => ({ partition, first: 0, next: 0 })))
        expect(await readAll(log, MANY)).toEqual([])
      })

      it('starts at any offset, in batches no larger than asked, without holes', async () => {
        const log = await open()
        const written = records(25, 'a')
        await log.append(ONE, written.slice(0, 7))
        await log.append(ONE, written.slice(7))
        for (const [from, batchSize] of [[0, 10], [6, 1], [7, 100], [13, 4], [24, 10], [25, 10]] as const) {
          const sizes: number[] = []
          const seen: StoredRecord[] = []
          for await (const batch of log.read({ topic: ONE, partition: 0, offset: from }, { batchSize })) {
            sizes.push(batch.length)
            seen.push(...batch)
          }
          expect(seen.map((r) => r.offset)).toEqual(range(25).slice(from))
          expect(seen.map(content)).toEqual(written.slice(from).map(content))
          expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(batchSize)
          expect(sizes).not.toContain(0)
        }
      })

      it('ends at the end as it was when the read began', async () => {
        const log = await open()
        await log.append(ONE, records(20, 'a'))
        let count = 0
        for await (const batch of log.read({ topic: ONE, partition: 0, offset: 0 }, { batchSize: 5 })) {
          count += batch.length
          await log.append(ONE, records(5, 'more'))
        }
        expect(count).toBe(20)
      })

      it('values stay valid after later reads', async () => {
        const log = await open()
        const written = records(50, 'a', 2000)
        await log.append(ONE, written)
        const kept = await readAll(log, ONE, 0, 0, { batchSize: 3 })
        await readAll(log, ONE)
        expect(kept.map(content)).toEqual(written.map(content))
      })

      it('goes on after a break out of the loop, and two reads do not disturb each other', async () => {
        const log = await open()
        await log.append(ONE, records(30, 'a'))
        const from = { topic: ONE, partition: 0, offset: 0 } as const
        for await (const batch of log.read(from, { batchSize: 4 })) if (batch.length > 0) break
        const [left, right] = [log.read(from, { batchSize: 3 }), log.read({ ...from, offset: 10 }, { batchSize: 7 })]
        const [a, b] = await Promise.all([offsetsOf(left), offsetsOf(right)])
        expect(a).toEqual(range(30))
        expect(b).toEqual(range(30).slice(10))
      })

      it('append.survives: a log opened again has the same id and the same records', async () => {
        const log = await open()
        const written = records(10, 'a')
        await log.append(ONE, written)
        await log.close()
        const again = await open()
        expect(again.id).toBe(log.id)
        expect((await readAll(again, ONE)).map(content)).toEqual(written.map(content))
        expect(await again.append(ONE, records(1, 'a'))).toEqual([{ topic: ONE, partition: 0, offset: 10 }])
      })

      it('has an id that fits into a position token, and says what an acknowledgement survives', async () => {
        const log = await open()
        const positions = await log.append(ONE, records(1, 'a'))
        expect(parseToken(formatToken(log.id, positions))).toEqual({ logId: log.id, positions })
        expect(log.durability).not.toBe('')
      })

      it('log.ordered: 100,000 records come back once each, in order', { timeout: 120_000 * slowness }, async () => {
        const log = await open()
        for (let lap = 0; lap < 25; lap += 1) {
          await Promise.all(range(4).map((i) => log.append(MANY, records(1000, `k${lap}-${i}`, 100))))
        }
        let total = 0
        for (const { partition, first, next } of await log.bounds(MANY)) {
          expect(first).toBe(0)
          let expected = 0
          for await (const batch of log.read({ topic: MANY, partition, offset: 0 })) {
            for (const stored of batch) if (stored.offset !== expected++) throw new Error(`${stored.offset} is not ${expected - 1}`)
          }
          expect(expected).toBe(next)
          total += expected
        }
        expect(total).toBe(100_000)
      })
    })

    describe('following', () => {
      it('gives what is there, then what comes, and ends quietly when aborted', async () => {
        const log = await open()
        await log.append(ONE, records(3, 'a'))
        const stop = new AbortController()
        const seen: number[] = []
        const following = collect(log, 0, stop.signal, (stored) => seen.push(stored.offset))
        await eventually('the first three', () => seen.length === 3)
        await log.append(ONE, records(2, 'b'))
        await eventually('the next two', () => seen.length === 5)
        stop.abort()
        await following
        expect(seen).toEqual([0, 1, 2, 3, 4])
      })

      it('waits at the end of an empty topic', async () => {
        const [log, writer] = [await open(), await open()]
        const stop = new AbortController()
        const seen: number[] = []
        const following = collect(log, 0, stop.signal, (stored) => seen.push(stored.offset))
        await writer.append(ONE, records(1, 'a'))
        await eventually('the record', () => seen.length === 1)
        stop.abort()
        await following
      })

      it('an abort before the first record ends it at once, also one that came before the read', async () => {
        const log = await open()
        const stop = new AbortController()
        const following = collect(log, 0, stop.signal, () => {})
        await sleep(20)
        stop.abort()
        await following
        await collect(log, 0, stop.signal, () => {})
      })

      it('wakes within a quarter of a second (median) in this and in another process', async () => {
        const log = await open()
        const other = child({ do: 'follow', topic: ONE, partition: 0 })
        const stop = new AbortController()
        const seenAt = new Map<number, number>()
        const following = collect(log, 0, stop.signal, (stored) => seenAt.set(stored.offset, Date.now()))
        await eventually('the other process', () => other.lines.length > 0)
        const sentAt: number[] = []
        for (let i = 0; i < 20; i += 1) {
          const acked = log.append(ONE, records(1, 'a'))
          sentAt.push(Date.now())
          await acked
          await eventually('both saw it', () => seenAt.has(i) && other.lines.some((line) => 'seen' in line && line.offset === i))
        }
        stop.abort()
        await following
        const here = sentAt.map((sent, i) => (seenAt.get(i) ?? Infinity) - sent)
        const there = other.lines.flatMap((line) => ('seen' in line ? [line.atMs - (sentAt[line.offset] ?? 0)] : []))
        expect(median(here)).toBeLessThan(250 * slowness)
        expect(median(there)).toBeLessThan(250 * slowness)
      })
    })

    describe('history', () => {
      it('log.same: goes on where the record before carries the id the reader remembers', async () => {
        const log = await open()
        const written = records(6, 'a')
        await log.append(ONE, written)
        const after = idOf(written[3] as NewRecord)
        expect((await readAll(log, ONE, 0, 4, { after })).map((r) => r.offset)).toEqual([4, 5])
        expect(await readAll(log, ONE, 0, 6, { after: idOf(written[5] as NewRecord) })).toEqual([])
        expect((await readAll(log, ONE, 0, 0, { after: '' })).length).toBe(6)
      })

      it('log.same: stops as log.diverged when that record is another, or the reader is beyond the end', async () => {
        const log = await open()
        const written = records(6, 'a')
        await log.append(ONE, written)
        const foreign = idOf(record('x'))
        expect(await failureOf(readAll(log, ONE, 0, 4, { after: foreign }))).toBe('log.diverged')
        expect(await failureOf(readAll(log, ONE, 0, 6, { after: foreign }))).toBe('log.diverged')
        expect(await failureOf(readAll(log, ONE, 0, 7))).toBe('log.diverged')
        expect(await failureOf(readAll(log, ONE, 0, 4, { after: foreign, follow: true }))).toBe('log.diverged')
        expect(await failureOf(readAll(log, ONE, 0, 7, { follow: true }))).toBe('log.diverged')
      })

      it.skipIf(harness.trim === undefined)('log.same: stops as log.trimmed when records the reader needs are gone', async () => {
        const log = await open()
        const written = records(10, 'a')
        for (let i = 0; i < 10; i += 1) await log.append(ONE, written.slice(i, i + 1))
        await harness.trim?.(space, ONE, 0, 4)
        expect(await log.bounds(ONE)).toEqual([{ partition: 0, first: 4, next: 10 }])
        expect(await failureOf(readAll(log, ONE, 0, 0))).toBe('log.trimmed')
        expect(await failureOf(readAll(log, ONE, 0, 3, { after: idOf(written[2] as NewRecord) }))).toBe('log.trimmed')
        expect(await failureOf(readAll(log, ONE, 0, 3, { follow: true }))).toBe('log.trimmed')
        expect((await readAll(log, ONE, 0, 4)).map((r) => r.offset)).toEqual(range(10).slice(4))
        expect((await readAll(log, ONE, 0, 4, { after: idOf(written[3] as NewRecord) })).length).toBe(6)
      })

      it.skipIf(harness.trim === undefined)('log.same: offsets go on after everything was trimmed', async () => {
        const log = await open()
        await log.append(ONE, records(5, 'a'))
        await harness.trim?.(space, ONE, 0, 5)
        expect(await log.bounds(ONE)).toEqual([{ partition: 0, first: 5, next: 5 }])
        expect(await readAll(log, ONE, 0, 5)).toEqual([])
        expect(await log.append(ONE, records(1, 'a'))).toEqual([{ topic: ONE, partition: 0, offset: 5 }])
        await log.close()
        expect(await (await open()).append(ONE, records(1, 'a'))).toEqual([{ topic: ONE, partition: 0, offset: 6 }])
      })

      it.skipIf(harness.recreate === undefined)('log.same: a log made anew at the same address stops an old reader', async () => {
        const log = await open()
        const written = records(6, 'a')
        await log.append(ONE, written)
        await log.close()
        await harness.recreate?.(space)
        const anew = await open()
        const after = idOf(written[3] as NewRecord)
        expect(await failureOf(readAll(anew, ONE, 0, 4, { after }))).toBe('log.diverged')
        await anew.append(ONE, records(8, 'b'))
        expect(await failureOf(readAll(anew, ONE, 0, 4, { after }))).toBe('log.diverged')
      })
    })

    describe('failing', () => {
      it('append.survives: a writer killed in the middle leaves everything it acknowledged, once', async () => {
        const log = await open()
        const writer = child({ do: 'append', topic: MANY, writer: 'w', calls: 1_000_000, batch: 3, inFlight: 8 })
        await eventually('50 acknowledgements', () => writer.lines.length > 50)
        writer.kill('SIGKILL')
        await writer.ended
        const acked = ackedBy(writer).map(([id]) => id)
        const stored = (await readTopic(log, MANY)).map(idOf)
        expect(new Set(stored).size).toBe(stored.length)
        expect(stored).toEqual(expect.arrayContaining(acked.slice(-30)))
        const known = new Set(stored)
        expect(acked.filter((id) => !known.has(id))).toEqual([])
        expect((await log.append(MANY, records(1, 'next'))).length).toBe(1)
      })

      it.skipIf(harness.server === undefined)(
        'append.survives: the server killed and started again keeps everything acknowledged, once',
        { timeout: 90_000 * slowness },
        async () => {
          const log = await open()
          const acked: string[] = []
          const resent = new Set<string>()
          let stopped = false
          const following = new AbortController()
          const seen: string[] = []
          const follower = collect(log, 0, following.signal, (stored) => seen.push(idOf(stored)))
          const writers = range(8).map(async (lane) => {
            while (!stopped) acked.push(idOf(await insist(log, record(`lane-${lane}`, 'x'.repeat(200)), resent)))
          })
          for (let lap = 0; lap < 2; lap += 1) {
            const before = acked.length
            await eventually('some acknowledgements', () => acked.length > before + 100, { deadlineMs: 60_000 })
            await harness.server?.kill(space)
            await harness.server?.start(space)
          }
          const before = acked.length
          await eventually('acknowledgements after it', () => acked.length > before + 100, { deadlineMs: 60_000 })
          stopped = true
          await Promise.all(writers)
          const stored = (await readAll(log, ONE)).map(idOf)
          expectOnce(stored, acked, resent)
          await eventually('the follower got over it', () => seen.length === stored.length)
          following.abort()
          await follower
          expect(seen).toEqual(stored)
        },
      )

      it.skipIf(harness.openThroughProxy === undefined)(
        'append.once: replies lost between request and reply double nothing and lose nothing',
        { timeout: 90_000 * slowness },
        async () => {
          const { log, proxy } = (await harness.openThroughProxy?.(space)) as { log: EventLog; proxy: CuttingProxy }
          opened.push(log)
          cleanUp.push(() => proxy.close())
          const acked: string[] = []
          const resent = new Set<string>()
          const toCut = new Set<string>()
          proxy.cutWhen = (bytes) => {
            for (const mark of toCut) if (bytes.includes(mark)) return toCut.delete(mark)
            return false
          }
          // Equal-sized records, so that nothing but its place tells one send from another.
          const laps = 12
          await Promise.all(
            range(8).map(async (lane) => {
              for (let lap = 0; lap < laps; lap += 1) {
                const mark = `mark-${String(lane).padStart(2, '0')}-${String(lap).padStart(3, '0')}`
                if (lane === lap % 8) toCut.add(mark)
                acked.push(idOf(await insist(log, record(`lane-${lane}`, mark), resent)))
              }
            }),
          )
          expect(proxy.cuts).toBeGreaterThan(3)
          const reader = await open()
          const stored = (await readAll(reader, ONE)).map(idOf)
          expectOnce(stored, acked, resent)
          expect(acked.length).toBe(8 * laps)
        },
      )

      it('refuses appends after close by name, settles those under way, and ends its reads', async () => {
        const log = await open()
        const following = collect(log, 0, undefined, () => {})
        const underWay = log.append(ONE, records(5, 'a'))
        await log.close()
        expect((await underWay).length).toBe(5)
        await following.catch((error: unknown) => expect(isFailure(error, 'log.closed')).toBe(true))
        expect(await failureOf(log.append(ONE, records(1, 'a')))).toBe('log.closed')
        await log.close()
        expect((await readAll(await open(), ONE)).length).toBe(5)
      })
    })
  })

  async function collect(
    log: EventLog,
    from: number,
    signal: AbortSignal | undefined,
    take: (stored: StoredRecord) => void,
  ): Promise<void> {
    const options = signal === undefined ? { follow: true } : { follow: true, signal }
    for await (const batch of log.read({ topic: ONE, partition: 0, offset: from }, options)) batch.forEach(take)
  }
}

type TaskOf<Task> = Task extends unknown ? Omit<Task, 'opener'> : never

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Infinity
}

async function offsetsOf(reading: AsyncIterable<readonly StoredRecord[]>): Promise<number[]> {
  const offsets: number[] = []
  for await (const batch of reading) offsets.push(...batch.map((stored) => stored.offset))
  return offsets
}

/** The code a promise fails with; '' when it does not, so that a test of a failure can fail. */
async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return ''
  } catch (error) {
    if (isFailure(error)) return error.code
    throw error
  }
}

/** A record whose key, headers and value are together exactly this large. */
function ofSize(key: string, sizeBytes: number): NewRecord {
  const empty = record(key)
  const used = Buffer.byteLength(key) + Object.entries(empty.headers).reduce((sum, [n, v]) => sum + n.length + Buffer.byteLength(v), 0)
  return { ...empty, value: Buffer.alloc(sizeBytes - used, 'abcdefg') }
}

/** Appends one record until it is acknowledged, as its owner must: the same record again, never another (R6). */
async function insist(log: EventLog, wanted: NewRecord, resent: Set<string>): Promise<NewRecord> {
  for (;;) {
    try {
      await log.append(ONE, [wanted])
      return wanted
    } catch (error) {
      if (isFailure(error, 'append.outcome-unknown')) resent.add(idOf(wanted))
      else if (!isFailure(error, 'log.unavailable')) throw error
      await sleep(20)
    }
  }
}

/** Each acknowledged record is there; once, unless its owner was told that the outcome is unknown and sent it again. */
function expectOnce(stored: readonly string[], acked: readonly string[], resent: ReadonlySet<string>): void {
  const times = new Map<string, number>()
  for (const id of stored) times.set(id, (times.get(id) ?? 0) + 1)
  expect(acked.filter((id) => !times.has(id))).toEqual([])
  expect([...times].filter(([id, count]) => count > 1 && !resent.has(id))).toEqual([])
}

function ackedBy(writer: Child<LogLine>): [id: string, offset: number][] {
  return writer.lines.flatMap((line) => {
    if ('failed' in line) throw new Error(line.failed)
    return 'acked' in line ? line.acked.map((id, i): [string, number] => [id, line.at[i]?.[1] ?? -1]) : []
  })
}
