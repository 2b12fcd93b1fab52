/**
 * The newest records of a partition that this process has written: who follows it need not read them from the file again.
 *
 * Promise: what it gives is what the file holds, in order and without holes. It is small, and may have forgotten
 * anything: then the file is read.
 */
import type { NewRecord, StoredRecord } from '#processors/ports/event-log.ts'

const mostRecords = 2_000
const mostBytes = 2 * 1024 * 1024

export class Tail {
  #first = 0
  #records: StoredRecord[] = []
  #bytes = 0

  /** Records that were just committed, the first of them at `base`. */
  add(base: number, records: readonly NewRecord[]): void {
    let bytes = 0
    for (const { value } of records) bytes += value.length
    const isNext = base === this.end
    const isFull = this.#bytes + bytes > mostBytes || this.#records.length + records.length > mostRecords
    if (!isNext || isFull) this.#forget(base)
    if (bytes > mostBytes) return this.#forget(base + records.length)
    for (const { key, headers, value } of records) {
      this.#records.push({ offset: this.end, key, headers, value })
    }
    this.#bytes += bytes
  }

  /** The offset after the newest. */
  get end(): number {
    return this.#first + this.#records.length
  }

  /** At most so many from an offset on; none where they are not held. */
  from(offset: number, count: number): StoredRecord[] {
    const at = offset - this.#first
    return at < 0 || at >= this.#records.length ? [] : this.#records.slice(at, at + count)
  }

  #forget(first: number): void {
    this.#first = first
    this.#records = []
    this.#bytes = 0
  }
}
