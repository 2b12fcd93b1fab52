import type { Clock } from '#processors/ports/clock.ts'
import type { Gathering } from './store.ts'

/**
 * Larger batches out of small ones: gathers until so many items are there or so much time has passed since the first.
 *
 * Promise: order is kept, nothing waits longer than `ms`, and the end of the source passes on what is there at once.
 * Where there is nothing to wait for (`ms` 0), a source is left alone for `restMs` after a small batch was begun, and
 * gathers by itself meanwhile.
 */
export async function* gather<Item>(
  source: AsyncIterable<readonly Item[]>,
  size: Gathering,
  given: { readonly clock: Clock; readonly signal: AbortSignal },
): AsyncGenerator<readonly Item[]> {
  if (size.ms === 0) {
    for await (const batch of source) {
      const began = given.clock.monotonic()
      yield batch
      const restMs = (size.restMs ?? 0) - (given.clock.monotonic() - began)
      if (batch.length < size.records && restMs > 0) await given.clock.sleep(restMs, given.signal)
    }
    return
  }
  const reader = source[Symbol.asyncIterator]()
  let reading: Promise<IteratorResult<readonly Item[]>> | undefined
  try {
    for (;;) {
      const first = await (reading ?? reader.next())
      reading = undefined
      if (first.done === true) return
      const gathered = [...first.value]
      const overdue = given.clock.sleep(size.ms, given.signal).then(() => undefined)
      let ended = false
      while (gathered.length < size.records) {
        reading ??= reader.next()
        const more = await Promise.race([reading, overdue])
        if (more === undefined) break
        reading = undefined
        if (more.done === true) {
          ended = true
          break
        }
        for (const item of more.value) gathered.push(item)
      }
      yield gathered
      if (ended) return
    }
  } finally {
    reading?.catch(() => {})
    await reader.return?.()
  }
}
