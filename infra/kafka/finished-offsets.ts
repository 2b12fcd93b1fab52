/**
 * Which records of a partition a group has finished and which it has handed out, and how that is written beside the
 * group's committed offset.
 *
 * Kafka commits one offset a partition: all before it is finished. Records are finished singly and in any order (R10),
 * so the rest goes into the commit's metadata: how far records were handed out, and the finished ones beyond the offset.
 * A worker that takes the partition over then repeats only what was not finished.
 *
 * Promise: pure. Reading what was written gives the same state, except that a metadata of more than `METADATA_BYTES`
 * (Kafka takes 4096 by default) forgets the furthest ranges: those records are handed out once more.
 */
const METADATA_BYTES = 3_500

export interface Committed {
  /** Everything before it is finished. */
  readonly offset: number
  readonly metadata: string
}

export class FinishedOffsets {
  /** Everything before it is finished. */
  #prefix: number
  /** One after the last record handed out, by whomever. */
  #delivered: number
  /** Finished beyond the prefix: sorted, apart from each other, [from, to). */
  #ranges: [from: number, to: number][]

  constructor(prefix: number, delivered = prefix, ranges: readonly (readonly [number, number])[] = []) {
    this.#prefix = prefix
    this.#delivered = Math.max(prefix, delivered)
    this.#ranges = ranges.map(([from, to]) => [from, to])
  }

  /** The next record nobody was handed yet. */
  get delivered(): number {
    return this.#delivered
  }

  get prefix(): number {
    return this.#prefix
  }

  /** Handed out and not finished. */
  get taken(): number {
    return this.#ranges.reduce((left, [from, to]) => left - (to - from), this.#delivered - this.#prefix)
  }

  isFinished(offset: number): boolean {
    return offset < this.#prefix || this.#ranges.some(([from, to]) => from <= offset && offset < to)
  }

  deliver(offset: number): void {
    this.#delivered = Math.max(this.#delivered, offset + 1)
  }

  /** Idempotent. */
  finish(offset: number): void {
    this.deliver(offset)
    if (offset === this.#prefix) this.#advance(offset + 1)
    else if (!this.isFinished(offset)) this.#insert(offset)
  }

  commit(): Committed {
    return { offset: this.#prefix, metadata: this.#metadata() }
  }

  #advance(to: number): void {
    this.#prefix = to
    while (this.#ranges[0]?.[0] === this.#prefix) this.#prefix = (this.#ranges.shift() as [number, number])[1]
  }

  /** Mostly at the end, as records are finished roughly in order. */
  #insert(offset: number): void {
    let index = this.#ranges.length
    while (index > 0 && (this.#ranges[index - 1] as [number, number])[0] > offset) index -= 1
    const before = this.#ranges[index - 1]
    const after = this.#ranges[index]
    if (before?.[1] === offset) {
      before[1] = offset + 1
      if (after?.[0] === offset + 1) {
        before[1] = after[1]
        this.#ranges.splice(index, 1)
      }
    } else if (after?.[0] === offset + 1) after[0] = offset
    else this.#ranges.splice(index, 0, [offset, offset + 1])
  }

  /** `1;<delivered>;<from>-<length>,…`, all in base 36 and relative to what is before them. */
  #metadata(): string {
    let text = `1;${(this.#delivered - this.#prefix).toString(36)};`
    let last = this.#prefix
    for (const [from, to] of this.#ranges) {
      const range = `${(from - last).toString(36)}-${(to - from).toString(36)},`
      if (text.length + range.length > METADATA_BYTES) break
      text += range
      last = to
    }
    return text
  }
}

/** A group that has never committed. */
export function startAt(first: number): FinishedOffsets {
  return new FinishedOffsets(first)
}

/** What another worker left; a metadata that is not ours says only what the offset says. */
export function readCommitted({ offset, metadata }: Committed): FinishedOffsets {
  const [, delivered, list] = /^1;([0-9a-z]+);((?:[0-9a-z]+-[0-9a-z]+,)*)$/.exec(metadata) ?? []
  if (delivered === undefined || list === undefined) return new FinishedOffsets(offset)
  const ranges: [number, number][] = []
  let last = offset
  for (const range of list.split(',').slice(0, -1)) {
    const [gap = '0', length = '0'] = range.split('-')
    const from = last + parseInt(gap, 36)
    last = from + parseInt(length, 36)
    ranges.push([from, last])
  }
  return new FinishedOffsets(offset, offset + parseInt(delivered, 36), ranges)
}
