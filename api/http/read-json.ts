import { isUtf8 } from 'node:buffer'
import { Failure } from '#processors/ports/failure.ts'

/**
 * A request's body: JSON whose parsing costs no more than its size, and whose text every store can hold.
 *
 * Promise: nesting and number of values are counted before anything is built; no `__proto__`, no NUL, no lone surrogate
 * reaches a route. Every refusal is `request.invalid`, and quotes nothing.
 */
const deepest = 64
const mostValues = 200_000

export function readJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new Failure('request.invalid', 'the body is empty')
  if (!isUtf8(bytes)) throw new Failure('request.invalid', 'the body is not UTF-8')
  refuseExcess(bytes)
  const value = parse(bytes.toString('utf8'))
  // Neither can stand in valid UTF-8 JSON but as an escape; a key needs looking at only where one is written out.
  if (bytes.includes('\\u') || bytes.includes('__proto__')) refuseText(value)
  return value
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]

function refuseExcess(bytes: Buffer): void {
  let depth = 0
  let values = 1
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === quote) {
      at = endOfString(bytes, at)
      if (at === -1) return // The parser says what is wrong.
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1
      values += 1
      if (depth > deepest) throw new Failure('request.invalid', `the body is nested deeper than ${deepest}`)
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1
    else if (byte === comma) values += 1
    if (values > mostValues) throw new Failure('request.invalid', `the body has more than ${mostValues} values`)
  }
}

/** Offset of the quote that ends the string begun at `from`; -1 where none does. */
function endOfString(bytes: Buffer, from: number): number {
  let end = from
  for (;;) {
    end = bytes.indexOf(quote, end + 1)
    if (end === -1) return -1
    let first = end
    while (bytes[first - 1] === backslash) first -= 1
    if ((end - first) % 2 === 0) return end
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text)
  } catch (error) {
    const place = /position (\d+)/.exec((error as Error).message)?.[1]
    throw new Failure(
      'request.invalid',
      `the body is not valid JSON${place === undefined ? '' : `, at character ${place}`}`,
    )
  }
}

function refuseText(root: unknown): void {
  const left = [root]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value === 'string') refuseString(value)
    else if (Array.isArray(value)) for (const item of value as unknown[]) left.push(item)
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        if (key === '__proto__') throw new Failure('request.invalid', 'a field can not be called __proto__')
        refuseString(key)
        left.push(item)
      }
    }
  }
}

function refuseString(text: string): void {
  if (text.includes('\0')) throw new Failure('request.invalid', 'the body has a NUL character')
  if (!text.isWellFormed()) throw new Failure('request.invalid', 'the body has half of a surrogate pair')
}
