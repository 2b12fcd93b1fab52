/**
 * Followers of partitions' ends on a broker of the test's own: whatever the order in which they come, wait, fall behind
 * and are overtaken, nobody sleeps through a record, and nobody is given one twice.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBatch } from '#infra/kafka/record-batch.ts'
import type { FetchPartition, Fetched } from '#infra/kafka/record-requests.ts'
import { type Polls, Tail } from '#infra/kafka/tail.ts'
import { records } from '#test/contracts/records.ts'

const stamp = { producerId: 1, producerEpoch: 0, sequence: 0, timestampMs: 0 }

/** A broker with a batch of one record at each offset, whose polls answer only when there is something to tell. */
class FakeBroker implements Polls {
  readonly #ends: number[]
  #arrived = Promise.withResolvers<void>()
  polls = 0
  /** The next poll fails. */
  failing = false
  /** Answers say that there is more, and bring none of it. */
  stingy = false
  readonly #delayMs: () => number

  constructor(partitions: number, delayMs: () => number) {
    this.#ends = Array.from({ length: partitions }, () => 0)
    this.#delayMs = delayMs
  }

  append(partition: number): void {
    this.#ends[partition] = this.end(partition) + 1
    this.#arrived.resolve()
    this.#arrived = Promise.withResolvers()
  }

  end(partition: number): number {
    return this.#ends[partition] ?? 0
  }

  async fetch(partition: number, offset: number): Promise<number[]> {
    await sleep(this.#delayMs())
    const found = Array.from({ length: this.end(partition) - offset }, (_, i) => offset + i)
    await sleep(this.#delayMs())
    return found
  }

  leaderOf(): number {
    return 1
  }

  async open(): Promise<{ send: (asked: readonly FetchPartition[]) => Promise<Fetched>; cut: () => void }> {
    await sleep(this.#delayMs())
    const cut = Promise.withResolvers<never>()
    cut.promise.catch(() => {})
    const answer = async (asked: readonly FetchPartition[]): Promise<Fetched> => {
      this.polls += 1
      await sleep(this.#delayMs())
      if (this.failing) {
        this.failing = false
        throw new Error('the broker hung up')
      }
      while (asked.every(({ partition, offset }) => offset >= this.end(partition))) await this.#arrived.promise
      const partitions = asked.map(({ topicId, partition, offset }) => {
        const next = this.end(partition)
        const batches = Array.from({ length: Math.max(0, next - offset) }, (_, i) => batchAt(offset + i))
        return { topicId, partition, errorCode: 0, next, first: 0, records: Buffer.concat(this.stingy ? [] : batches) }
      })
      await sleep(this.#delayMs())
      return { errorCode: 0, partitions }
    }
    return {
      send: async (asked) => await Promise.race([cut.promise, answer(asked)]),
      cut: () => cut.reject(new Error('cut')),
    }
  }
}

function batchAt(offset: number): Buffer {
  const batch = encodeBatch(records(1, 'k'), stamp)
  batch.writeBigInt64BE(BigInt(offset), 0)
  return batch
}

interface Play {
  readonly seed: number
  readonly followers: readonly { readonly partition: number; readonly joinsMs: number; readonly worksMs: number }[]
  readonly appends: readonly {
    readonly partition: number
    readonly afterMs: number
    readonly fails: boolean
    readonly stingy: boolean
  }[]
}

const partition = fc.nat(2)
const anyPlay: fc.Arbitrary<Play> = fc.record({
  seed: fc.integer(),
  followers: fc.array(fc.record({ partition, joinsMs: fc.nat(25), worksMs: fc.nat(6) }), {
    minLength: 1,
    maxLength: 12,
  }),
  appends: fc.array(fc.record({ partition, afterMs: fc.nat(8), fails: fc.boolean(), stingy: fc.boolean() }), {
    minLength: 1,
    maxLength: 25,
  }),
})

interface Of {
  readonly partition: number
  readonly worksMs: number
  readonly until: number
  /** Asks the log itself now and then, as one that has just come does. */
  readonly asksItself: () => boolean
}

/** As the reader does: from the tail, or from the log when the tail cannot tell. */
async function follow(broker: FakeBroker, tail: Tail, of: Of): Promise<number[]> {
  const seen: number[] = []
  const follower = tail.follow({ id: 'aa', name: 't' }, of.partition)
  while (seen.length < of.until) {
    const tailed = of.asksItself() ? 'fetch' : await follower.from(seen.length)
    seen.push(
      ...(tailed === 'fetch' ? await broker.fetch(of.partition, seen.length) : tailed.map(({ offset }) => offset)),
    )
    if (of.worksMs > 0) await sleep(of.worksMs)
  }
  // Goes on waiting, as a store does, beside those who are not there yet.
  void follower.from(seen.length)
  return seen
}

describe('tail', () => {
  it('nobody sleeps through a record, whatever the order of things', async () => {
    const property = fc.asyncProperty(anyPlay, async ({ seed, followers, appends }) => {
      let state = seed
      // A small linear congruential generator: the play can be run again from its seed.
      const delayMs = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) % 5
      const broker = new FakeBroker(3, delayMs)
      const tail = new Tail(broker)
      const total = (of: number): number => appends.filter((append) => append.partition === of).length
      const following = followers.map(async ({ partition: of, joinsMs, worksMs }) => {
        await sleep(joinsMs)
        return await follow(broker, tail, {
          partition: of,
          worksMs,
          until: total(of),
          asksItself: () => delayMs() === 0,
        })
      })
      for (const { partition: to, afterMs, fails, stingy } of appends) {
        await sleep(afterMs)
        broker.failing = fails
        broker.stingy = stingy
        broker.append(to)
      }
      const overslept = sleep(3_000, 'somebody slept through a record', { ref: false })
      const seen = await Promise.race([Promise.all(following), overslept])
      tail.close()
      expect(seen).toEqual(followers.map(({ partition: of }) => Array.from({ length: total(of) }, (_, i) => i)))
    })
    await fc.assert(property, { numRuns: 60, endOnFailure: true })
  }, 60_000)

  it('asks nothing when nobody follows any more', async () => {
    const broker = new FakeBroker(1, () => 0)
    const tail = new Tail(broker)
    const stop = new AbortController()
    const follower = tail.follow({ id: 'aa', name: 't' }, 0)
    const waiting = follower.from(0, stop.signal)
    await sleep(10)
    stop.abort()
    expect(await waiting).toBe('fetch')
    follower.leave()
    broker.append(0)
    await sleep(10)
    const { polls } = broker
    broker.append(0)
    await sleep(20)
    expect(broker.polls).toBe(polls)
    tail.close()
  })

  it('close lets everybody go', async () => {
    const tail = new Tail(new FakeBroker(1, () => 0))
    const waiting = [1, 2, 3].map(() => tail.follow({ id: 'aa', name: 't' }, 0).from(0))
    await sleep(5)
    tail.close()
    expect(await Promise.all(waiting)).toEqual(['fetch', 'fetch', 'fetch'])
  })
})
