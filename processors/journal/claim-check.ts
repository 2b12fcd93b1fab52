/**
 * Texts too large for a record are kept in the objects, and the event carries the reference (R14).
 *
 * Promises: an object is stored before the event that names it is appended; nothing is cut; an event in stored form
 * fits a record. Which texts may be claimed is read from the schema.
 */
import { recordLimits } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Objects } from '#processors/ports/objects.ts'
import type { EventType } from '#schemas/catalog.ts'
import type { EventData, ObjectRef } from '#schemas/generated.ts'
import { mapClaimable } from '#schemas/wire/claimable.ts'

export interface ClaimCheck {
  /** Whether `claim` would put anything: cheap, for the many events that are small. */
  needed<Type extends EventType>(type: Type, data: EventData[Type]): boolean
  /** The event's data in stored form. Errors: `record.too-large` when what cannot be claimed is, those of the objects. */
  claim<Type extends EventType>(type: Type, data: EventData[Type]): Promise<EventData[Type]>
  /** The text itself. Errors: `object.missing`. */
  open(value: string | ObjectRef): Promise<string>
  /** The data with every reference replaced by its text. Errors: `object.missing`. */
  openData<Type extends EventType>(type: Type, data: EventData[Type]): Promise<EventData[Type]>
}

/** Left for key and headers. */
const envelopeBytes = 16 * 1024

export function createClaimCheck(given: {
  readonly objects: Objects
  /** A text of more bytes of UTF-8 is claimed. */
  readonly thresholdBytes: number
  /** A record's data at most. */
  readonly recordBytes?: number
}): ClaimCheck {
  const { objects, thresholdBytes, recordBytes = recordLimits.bytes - envelopeBytes } = given

  async function put(text: string): Promise<ObjectRef> {
    const bytes = Buffer.from(text, 'utf8')
    return { sha256: await objects.put(bytes), sizeBytes: bytes.length }
  }

  async function open(value: string | ObjectRef): Promise<string> {
    if (typeof value === 'string') return value
    const bytes = await objects.get(value.sha256)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  }

  return {
    needed: (type, data) =>
      mostBytesOf(data) > Math.min(thresholdBytes, recordBytes) &&
      (bytesOf(data) > recordBytes || textsOf(type, data).some((text) => Buffer.byteLength(text) > thresholdBytes)),

    async claim(type, data) {
      const claimed = textsToClaim(textsOf(type, data), { thresholdBytes, surplus: bytesOf(data) - recordBytes })
      if (claimed === undefined) {
        throw new Failure('record.too-large', `${type} is larger than a record of ${recordBytes} bytes may be`, {
          remedy: 'Send less in one piece.',
        })
      }
      const distinct = [...new Set(claimed)]
      const refs = new Map(await Promise.all(distinct.map(async (text) => [text, await put(text)] as const)))
      return mapClaimable(type, data, (value) => (typeof value === 'string' ? (refs.get(value) ?? value) : value))
    },

    open,

    async openData(type, data) {
      const refs: ObjectRef[] = []
      mapClaimable(type, data, (value) => {
        if (typeof value !== 'string') refs.push(value)
        return value
      })
      if (refs.length === 0) return data
      const texts = new Map(await Promise.all(refs.map(async (ref) => [ref.sha256, await open(ref)] as const)))
      return mapClaimable(type, data, (value) =>
        typeof value === 'string' ? value : (texts.get(value.sha256) ?? value),
      )
    },
  }
}

/** The claimable texts of an event that are not claimed yet. */
function textsOf<Type extends EventType>(type: Type, data: EventData[Type]): readonly string[] {
  const texts: string[] = []
  mapClaimable(type, data, (value) => {
    if (typeof value === 'string') texts.push(value)
    return value
  })
  return texts
}

/** A reference in place of a text: 64 hex digits and two small numbers. */
const refBytes = 80

/** Those over the threshold, then the largest until the surplus is gone; undefined when it cannot be. */
function textsToClaim(
  texts: readonly string[],
  limits: { readonly thresholdBytes: number; readonly surplus: number },
): readonly string[] | undefined {
  const sized = texts.map((text) => ({ text, bytes: Buffer.byteLength(text) })).sort((a, b) => b.bytes - a.bytes)
  const claimed: string[] = []
  let { surplus } = limits
  for (const { text, bytes } of sized) {
    if (bytes <= limits.thresholdBytes && (surplus <= 0 || bytes <= refBytes)) break
    claimed.push(text)
    surplus -= bytes - refBytes
  }
  return surplus > 0 ? undefined : claimed
}

/** What a value takes in a record, or a little more. */
function bytesOf(value: unknown): number {
  return sumOf(value, (text) => Buffer.byteLength(text))
}

/** No less than `bytesOf`, without looking into a text. */
function mostBytesOf(value: unknown): number {
  return sumOf(value, (text) => text.length * 3)
}

/** A number takes 10 bytes at most; so do a length, a branch's index, and the counts of a block. */
function sumOf(value: unknown, textBytes: (text: string) => number): number {
  if (typeof value === 'string') return 10 + textBytes(value)
  if (typeof value !== 'object' || value === null) return 10
  if (ArrayBuffer.isView(value)) return 10 + value.byteLength
  let sum = 20
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) sum += sumOf(item, textBytes)
    return sum
  }
  for (const [key, entry] of Object.entries(value) as [string, unknown][]) {
    sum += textBytes(key) + sumOf(entry, textBytes)
  }
  return sum
}
