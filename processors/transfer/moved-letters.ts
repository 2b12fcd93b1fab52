/**
 * Dead letters name the place of the record they are about. Where an import gives that record another place, its letters
 * follow it.
 *
 * Promise: after an import each `record.parked` names the record it named before, so that a rebuild skips that one and no
 * other (R4). A letter about a record that is no longer in the log names offset -1 and no record. The letter's own id,
 * and what was decided about it, move along.
 */
import { letterId } from '#processors/journal/park.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { fromHeaders, toHeaders } from '#schemas/wire/headers.ts'
import { WireError } from '#schemas/wire/wire-error.ts'
import { isEventType } from '#schemas/catalog.ts'
import type { RecordEntry } from './export-entries.ts'

const letters = 'dead-letters.v1'
const gone = -1

interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export class MovedLetters {
  /** Places that letters name, and where their records stand now. */
  readonly #places = new Map<string, Place | undefined>()
  /** Ids of letters that moved. */
  readonly #ids = new Map<string, string>()

  /** A record of the file: a letter's place will be looked for. */
  meet({ topic, headers, key }: RecordEntry): void {
    if (topic === letters && headers['ce_type'] === 'record.parked') this.#places.set(key, undefined)
  }

  /** Where a record of the source stands now. */
  moved(from: Place, to: Place): void {
    if (this.#places.size === 0) return
    const place = nameOf(from)
    if (this.#places.has(place)) this.#places.set(place, to)
  }

  /** A letter as it reads in the target; its value already carries the target's schema id. Others stay as they are. */
  follow(entry: RecordEntry, codec: Codec): RecordEntry {
    const type = entry.headers['ce_type']
    if (entry.topic !== letters || type === undefined || !isEventType(type)) return entry
    try {
      if (type === 'record.parked') return this.#parked(entry, codec)
      if (type === 'letter.discarded' || type === 'letter.resubmitted') return this.#settled(entry, type, codec)
    } catch (error) {
      // A letter nobody can read names no place.
      if (!(error instanceof WireError)) throw error
    }
    return entry
  }

  #parked(entry: RecordEntry, codec: Codec): RecordEntry {
    const envelope = fromHeaders(entry.headers)
    const data = codec.decode('record.parked', entry.value)
    const from = nameOf(data)
    const to = this.#places.get(from)
    if (envelope === undefined || (to !== undefined && nameOf(to) === from)) return entry
    if (to === undefined) {
      return { ...entry, value: codec.encode('record.parked', { ...data, offset: gone }) }
    }
    const id = letterId(data.by, data.version, to)
    this.#ids.set(envelope.id, id)
    return {
      ...entry,
      key: nameOf(to),
      headers: { ...entry.headers, ...toHeaders({ ...envelope, id, subject: nameOf(to) }) },
      value: codec.encode('record.parked', { ...data, partition: to.partition, offset: to.offset }),
    }
  }

  #settled(entry: RecordEntry, type: 'letter.discarded' | 'letter.resubmitted', codec: Codec): RecordEntry {
    const data = codec.decode(type, entry.value)
    const letter = this.#ids.get(data.letter)
    return letter === undefined ? entry : { ...entry, value: codec.encode(type, { ...data, letter }) }
  }
}

function nameOf({ topic, partition, offset }: Place): string {
  return `${topic}:${partition}:${offset}`
}
