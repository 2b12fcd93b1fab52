import type { PreparedEvent } from '#processors/journal/journal.ts'
import { decodeRecords } from '#processors/journal/read.ts'
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { foldReserved, foldSettled, type Verdict } from './fold.ts'
import { type BookRows, memoryBook, type MemoryBook } from './memory-book.ts'

/**
 * This process's live view of `budgets.v1`: every record once, in order, folded.
 *
 * Promise: a verdict is told only when everything before its reservation is folded. Where an own append stands right
 * behind what is folded, it is folded from memory and not read again.
 */
export interface BudgetFeed {
  readonly book: MemoryBook
  /** Resolves with the verdict on the reservation of this event id, once it is folded; rejects when the feed stops. */
  verdictOn(event: string): { readonly verdict: Promise<Verdict>; readonly forget: () => void }
  /** An own event that was just acknowledged. */
  appended(offset: number, event: PreparedEvent['event']): void
  /** Resolves once what the log holds now is folded. Errors: those of `EventLog.bounds`, and why the feed stopped. */
  catchUp(): Promise<void>
  close(): Promise<void>
}

const topic = 'budgets.v1'

export function openBudgetFeed(given: {
  readonly log: EventLog
  readonly codec: Codec
  readonly from: { readonly rows: BookRows; readonly next: number; readonly lastId: string } | undefined
  readonly onStopped: (failure: Failure) => void
}): BudgetFeed {
  const { log, codec, from } = given
  const book = memoryBook(from?.rows)
  const ended = new AbortController()
  const waiting = new Map<string, { resolve: (verdict: Verdict) => void; reject: (failure: Failure) => void }>()
  const reaching: { offset: number; resolve: () => void; reject: (failure: Failure) => void }[] = []
  let next = from?.next ?? 0
  let stopped: Failure | undefined

  function fold(event: { readonly type: string; readonly data: unknown; readonly id: string }): void {
    if (event.type === 'budget.settled') foldSettled(book, event.data as Parameters<typeof foldSettled>[1])
    if (event.type !== 'budget.reserved') return
    const verdict = foldReserved(book, event.id, event.data as Parameters<typeof foldReserved>[2])
    waiting.get(event.id)?.resolve(verdict)
    waiting.delete(event.id)
  }

  function wake(): void {
    for (let index = reaching.length - 1; index >= 0; index -= 1) {
      const one = reaching[index]
      if (one === undefined || one.offset >= next) continue
      reaching.splice(index, 1)
      one.resolve()
    }
  }

  async function take(batch: readonly StoredRecord[]): Promise<void> {
    const fresh = batch.filter((record) => record.offset >= next)
    // A record that can't be read grants nothing to anybody: it is passed over here, and parked by the stores.
    const decoded = await decodeRecords(codec, fresh, { topic, partition: 0, wants: () => true })
    const events = new Map(decoded.flatMap((one) => ('bad' in one ? [] : [[one.position.offset, one] as const])))
    for (const { offset } of fresh) {
      // Folded from memory while this was decoded.
      if (offset < next) continue
      if (offset > next) throw new Failure('log.gap', `${topic}: ${offset} after ${next - 1}`)
      const event = events.get(offset)
      if (event !== undefined) fold({ type: event.type, data: event.data, id: event.envelope.id })
      next += 1
    }
    wake()
  }

  async function follow(): Promise<void> {
    const after = from === undefined || from.lastId === '' ? {} : { after: from.lastId }
    for await (const batch of log.read(
      { topic, partition: 0, offset: next },
      { follow: true, signal: ended.signal, ...after },
    )) {
      await take(batch)
    }
  }

  function stop(error: unknown): void {
    if (stopped !== undefined) return
    stopped = error instanceof Failure ? error : new Failure('internal', 'the budgets can’t be read', { cause: error })
    for (const one of [...waiting.values(), ...reaching.splice(0)]) one.reject(stopped)
    waiting.clear()
    if (!ended.signal.aborted) given.onStopped(stopped)
  }

  const following = follow().catch(stop)

  return {
    book,
    verdictOn(event) {
      const { promise, resolve, reject } = Promise.withResolvers<Verdict>()
      promise.catch(() => {})
      if (stopped === undefined) waiting.set(event, { resolve, reject })
      else reject(stopped)
      return { verdict: promise, forget: () => void waiting.delete(event) }
    },
    appended(offset, event) {
      if (offset !== next) return
      fold(event)
      next += 1
      wake()
    },
    async catchUp() {
      const [bounds] = await log.bounds(topic)
      const offset = (bounds?.next ?? 0) - 1
      if (stopped !== undefined) throw stopped
      if (offset < next) return
      await new Promise<void>((resolve, reject) => reaching.push({ offset, resolve, reject }))
    },
    async close() {
      ended.abort()
      stop(new Failure('log.closed', 'the process is stopping'))
      await following
    },
  }
}
