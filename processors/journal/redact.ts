/**
 * Secrets are taken out of text before it reaches a log, a store, a file or an error (`secret.unseen`, R16).
 *
 * Promises:
 * - A secret given by value (8 characters or more) is replaced wherever it stands: as it is, escaped in JSON (twice
 *   too), percent-encoded, or in base64 at any alignment.
 * - A secret in a known form is replaced wherever it stands, also in JSON inside text.
 * - JSON stays JSON; what is redacted stays as it is when redacted again; time is linear in the text, whatever it says.
 */
import { redactForms } from './secret-forms.ts'

export interface Redactor {
  /** Each secret replaced by `[redacted:<form>]`, and how many there were. */
  redact(text: string): { readonly text: string; readonly redactions: number }
  /** All strings of plain data, keys too; the very same data where there is nothing to replace. Bytes are left alone. */
  redactData<Data>(data: Data): { readonly data: Data; readonly redactions: number }
}

export const shortestSecret = 8

export function createRedactor(secrets: readonly string[]): Redactor {
  const byValue = valuePattern(secrets)

  function redact(text: string): { text: string; redactions: number } {
    if (text.length < shortestSecret) return { text, redactions: 0 }
    let redacted = text
    let redactions = 0
    // What is left beside a replaced secret may be another one, so until nothing is found; mostly one round.
    for (let round = 0; round < 4; round++) {
      const found = redactWritten(redacted) ?? redactEscaped(redacted)
      if (found === undefined) break
      redacted = found.text
      redactions += found.redactions
    }
    return { text: redacted, redactions }
  }

  function redactWritten(text: string): { text: string; redactions: number } | undefined {
    const values = byValue === undefined ? { text, redactions: 0 } : redactValues(text, byValue)
    const forms = redactForms(values.text)
    const redactions = values.redactions + forms.redactions
    return redactions === 0 ? undefined : { text: forms.text, redactions }
  }

  /** `\\u002d` and the like hide a secret; where one is hidden so, the letters stand for themselves from then on. */
  function redactEscaped(text: string): { text: string; redactions: number } | undefined {
    if (!text.includes(String.raw`\u00`)) return undefined
    return redactWritten(
      text.replaceAll(escapedLetter, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
    )
  }

  /** Field names come again and again; those once found clean are not looked at twice. */
  const cleanKeys = new Set<string>()

  function redactData<Data>(data: Data): { data: Data; redactions: number } {
    let redactions = 0

    function visit(value: unknown): unknown {
      if (typeof value === 'string') {
        const redacted = redact(value)
        redactions += redacted.redactions
        return redacted.text
      }
      if (Array.isArray(value)) return visitArray(value)
      if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
      return visitObject(value as Readonly<Record<string, unknown>>)
    }

    function visitKey(key: string): string {
      if (cleanKeys.has(key)) return key
      const redacted = visit(key) as string
      if (redacted === key && key.length <= 40 && cleanKeys.size < 1000) cleanKeys.add(key)
      return redacted
    }

    function visitArray(array: readonly unknown[]): readonly unknown[] {
      const visited = array.map(visit)
      return visited.some((value, index) => value !== array[index]) ? visited : array
    }

    function visitObject(object: Readonly<Record<string, unknown>>): object {
      const entries: [string, unknown][] = []
      let changed = false
      for (const key of Object.keys(object)) {
        const entry: [string, unknown] = [visitKey(key), visit(object[key])]
        changed ||= entry[0] !== key || entry[1] !== object[key]
        entries.push(entry)
      }
      return changed ? Object.fromEntries(entries) : object
    }

    const visited = visit(data) as Data
    return { data: visited, redactions }
  }

  return { redact, redactData }
}

/** Printable ASCII as a JSON escape, at any depth of JSON in JSON; a quote and a backslash need theirs. */
const escapedLetter = /\\{1,8}u00(2[013-9a-f]|[346][0-9a-f]|5[0-9abd-f]|7[0-9a-e])/gi

/** A marker matches too, and is left as it is, so that a secret such as "redacted" is not found in it. */
function redactValues(text: string, pattern: RegExp): { text: string; redactions: number } {
  let redactions = 0
  const redacted = text.replace(pattern, (found) => {
    if (found.startsWith('[redacted:')) return found
    redactions++
    return '[redacted:secret]'
  })
  return { text: redacted, redactions }
}

function valuePattern(secrets: readonly string[]): RegExp | undefined {
  const spellings = new Set(secrets.flatMap((secret) => [secret, secret.trim()]).flatMap(spellingsOf))
  if (spellings.size === 0) return undefined
  const longestFirst = [...spellings].sort((a, b) => b.length - a.length)
  return new RegExp(
    [String.raw`\[redacted:[a-z-]{1,20}\]`, ...longestFirst.map((spelling) => RegExp.escape(spelling))].join('|'),
    'g',
  )
}

/** The ways a secret is written; none for one too short to be told from ordinary text. */
function spellingsOf(secret: string): string[] {
  if (secret.length < shortestSecret) return []
  return [secret, ...jsonOf(secret), ...percentOf(secret.toWellFormed()), ...base64Of(secret)]
}

/** As a string of JSON and of JSON in JSON: a slash may be escaped, another alphabet in either case of letters. */
function jsonOf(secret: string): string[] {
  const escaped = (text: string): string => JSON.stringify(text).slice(1, -1)
  const json = escaped(secret)
  const ascii = (upper: boolean): string =>
    json.replaceAll(/[^\x20-\x7e]/g, (unit) => {
      const code = unit.charCodeAt(0).toString(16).padStart(4, '0')
      return String.raw`\u` + (upper ? code.toUpperCase() : code)
    })
  const once = [json, json.replaceAll('/', String.raw`\/`), ascii(false), ascii(true)]
  return [...once, ...once.map(escaped)]
}

/** As `encodeURIComponent` does, as a form and RFC 3986 do (`!'()*` too), and every byte; in either case of letters. */
function percentOf(secret: string): string[] {
  const byte = (code: number): string => `%${code.toString(16).toUpperCase().padStart(2, '0')}`
  const percent = encodeURIComponent(secret)
  const strict = percent.replaceAll(/[!'()*]/g, (letter) => byte(letter.charCodeAt(0)))
  const every = [...Buffer.from(secret, 'utf8')].map(byte).join('')
  return [percent, strict, every]
    .flatMap((text) => [text, text.replaceAll('%20', '+')])
    .flatMap((text) => [text, text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())])
}

/** Base64 of the secret alone, and what base64 of a text around it shows, for each of the three ways to be aligned. */
function base64Of(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8')
  const inside = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replaceAll('=', '')
    const whole = Math.floor(((before + bytes.length) * 8) / 6)
    return text.slice(Math.ceil((before * 8) / 6), whole)
  })
  const alone = bytes.toString('base64')
  return [alone, alone.replaceAll('=', ''), ...inside].flatMap((text) => [
    text,
    text.replaceAll('+', '-').replaceAll('/', '_'),
  ])
}
