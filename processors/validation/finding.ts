import type { Finding, FindingKind } from './validator.ts'

/** One thing that is wrong with an answer. `at` is the way to it from the answer's JSON. */
export function finding(kind: FindingKind, code: string, message: string, at?: readonly (string | number)[]): Finding {
  return { kind, code, message: shortened(message), path: at === undefined ? null : pointer(at) }
}

/** A foreign text, short enough to stand in a message. */
export function quoted(text: string): string {
  return `'${shorten(text, 120)}'`
}

const longestMessage = 1000

function shortened(message: string): string {
  return shorten(message, longestMessage)
}

function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most).toWellFormed()}…` : text.toWellFormed()
}

/** Source: RFC 6901. */
function pointer(at: readonly (string | number)[]): string {
  return at.map((one) => `/${String(one).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
