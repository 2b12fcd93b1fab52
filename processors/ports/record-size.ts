import { type NewRecord, recordLimits } from './event-log.ts'

/** How large records are, as the limits of an append count: UTF-8 bytes of key, header names and values, and the value. */
export function sizeOf(record: NewRecord): number {
  return bytesOf(record, (text) => Buffer.byteLength(text))
}

/** Whether one append takes them all. */
export function areWithinLimits(records: readonly NewRecord[]): boolean {
  if (records.length > recordLimits.records) return false
  // A UTF-16 unit is at most three bytes: only what might be too large is measured exactly.
  let most = 0
  for (const record of records) most += bytesOf(record, (text) => text.length * 3)
  if (most <= recordLimits.bytes) return true
  let bytes = 0
  for (const record of records) bytes += sizeOf(record)
  return bytes <= recordLimits.bytes
}

function bytesOf({ key, headers, value }: NewRecord, lengthOf: (text: string) => number): number {
  let bytes = lengthOf(key) + value.length
  for (const name in headers) bytes += lengthOf(name) + lengthOf(headers[name] as string)
  return bytes
}
