/**
 * Short texts that come again and again in values: names of providers, models, tiers, reasons.
 *
 * Promise: gives exactly the text that the bytes are, or undefined where it has not met it; keeps at most 512 texts of 32
 * bytes. Comparing bytes in place takes a quarter of a call into the engine's UTF-8, and a batch holds each text once.
 */
export interface RepeatedTexts {
  find(bytes: Uint8Array, start: number, end: number): string | undefined
  /** Remembers what those bytes are, in the place of another if need be. */
  keep(bytes: Uint8Array, start: number, end: number, text: string): void
}

const places = 512
const longest = 32

export function createRepeatedTexts(): RepeatedTexts {
  const kept: string[] = Array.from({ length: places }, () => '')

  return {
    find(bytes, start, end) {
      const length = end - start
      if (length === 0) return ''
      if (length > longest) return undefined
      const text = kept[placeOf(bytes, start, length)] as string
      if (text.length !== length) return undefined
      for (let at = 0; at < length; at += 1) if (text.charCodeAt(at) !== bytes[start + at]) return undefined
      return text
    },

    keep(bytes, start, end, text) {
      // Only where each unit is a byte, which is ASCII: told without looking at the text.
      if (end - start > longest || text.length !== end - start) return
      kept[placeOf(bytes, start, text.length)] = text
    },
  }
}

function placeOf(bytes: Uint8Array, start: number, length: number): number {
  const first = bytes[start] as number
  const middle = bytes[start + (length >> 1)] as number
  const last = bytes[start + length - 1] as number
  return (length * 7 + first * 31 + middle * 131 + last * 17) & (places - 1)
}
