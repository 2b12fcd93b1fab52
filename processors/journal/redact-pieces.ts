/**
 * A secret that a model streams comes in pieces, none of which is one.
 *
 * Promise: of a recorded stream (server-sent events, or JSON lines) no secret can be put together again (`secret.unseen`):
 * where the pieces of one text hold one, the first piece becomes all of the text, redacted, and the others are empty.
 * Log probabilities, which spell an answer token by token, go with it. Everything else stays byte for byte, so the
 * recording is still a stream that can be told again. One that can't be read so, though its answer holds a secret, is given
 * up for a note.
 */
import type { Redactor } from './redact.ts'

export const unreadableStream = '[redacted:stream]'

export function redactPieces(redactor: Redactor, { raw, content }: { raw: string; content: string }): string {
  if (!mayBeInPieces(raw)) return raw
  const inAnswer = redactor.redact(content).redactions
  const lines = linesOf(raw)
  const texts = new Map<string, Piece[]>()
  for (const line of lines) if (line.event !== undefined) collect(line, { value: line.event, path: '' }, texts)

  let found = 0
  for (const pieces of texts.values()) {
    if (pieces.length < 2) continue
    const { text, redactions } = redactor.redact(pieces.map(({ text: piece }) => piece).join(''))
    if (redactions === 0) continue
    found += redactions
    for (const [index, { line, replace }] of pieces.entries()) {
      line.changed = true
      replace(index === 0 ? text : '')
    }
  }
  if (found + inAnswer > 0) for (const line of lines) dropLogprobs(line, line.event)
  const kept = lines.some(({ changed }) => changed) ? lines.map(written).join('') : raw
  return found > 0 || redactor.redact(kept).redactions >= inAnswer ? kept : unreadableStream
}

/** Most bodies are one line without log probabilities, and are not read again. */
function mayBeInPieces(raw: string): boolean {
  return raw.startsWith('data:') || raw.includes('\n') || raw.includes('"logprobs"')
}

/**
 * The events of a stream and what is between them, however many lines that has; a body that is no stream is one. No regular
 * expression looks at a line: one of many megabytes is too much for its stack.
 */
function linesOf(raw: string): readonly Line[] {
  const whole = readLine(raw)
  if (whole.event !== undefined) return [whole]
  const lines: Line[] = []
  let kept = 0
  const keep = (upTo: number): void => {
    if (upTo > kept) lines.push({ text: raw.slice(kept, upTo), prefix: '', event: undefined, changed: false })
  }
  let feed = -1
  let carriage = -1
  for (let start = 0, end = 0; start < raw.length; start = end + 1) {
    if (feed < start) feed = indexOrEnd(raw, '\n', start)
    if (carriage < start) carriage = indexOrEnd(raw, '\r', start)
    end = Math.min(feed, carriage)
    if (end - eventAt(raw, start, end) < shortestEvent) continue
    keep(start)
    lines.push(readLine(raw.slice(start, end)))
    kept = end
  }
  keep(raw.length)
  return lines
}

/** Shorter ones have no room for a piece of text. */
const shortestEvent = 11

function indexOrEnd(text: string, wanted: string, from: number): number {
  const at = text.indexOf(wanted, from)
  return at === -1 ? text.length : at
}

/** Where a line's JSON object begins, behind `data:` and white space; its end where it has none. */
function eventAt(text: string, start: number, end: number): number {
  let at = text.startsWith('\uFEFF', start) ? start + 1 : start
  if (text.startsWith('data:', at)) at += 5
  while (at < end && isSpace(text.charCodeAt(at))) at += 1
  return at < end && text[at] === '{' ? at : end
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || code === 0xa0 || code === 0xfeff
}

function dropLogprobs(line: Line, value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const within = value as Record<string, unknown>
  for (const key of Object.keys(within)) {
    if (key !== 'logprobs') dropLogprobs(line, within[key])
    else if (within[key] !== null) {
      within[key] = null
      line.changed = true
    }
  }
}

interface Line {
  readonly text: string
  /** `data: `, white space, or nothing. */
  readonly prefix: string
  readonly event: unknown
  changed: boolean
}

interface Piece {
  readonly line: Line
  readonly text: string
  readonly replace: (text: string) => void
}

function readLine(text: string): Line {
  const at = eventAt(text, 0, text.length)
  const event = at === text.length ? undefined : parsed(text.slice(at))
  return { text, prefix: text.slice(0, at), event, changed: false }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch {
    return undefined
  }
}

function written({ text, prefix, event, changed }: Line): string {
  return changed ? `${prefix}${JSON.stringify(event)}` : text
}

/** Fields that a stream gives in pieces stand below one of these; the others are said anew in each event. */
const inPieces = /\/(?:delta|message|text|response|thinking)(?:\/|$)/

/** The strings of an event, by where they stand; of a list, by the `index` its entries name. */
function collect(line: Line, { value, path }: { value: unknown; path: string }, texts: Map<string, Piece[]>): void {
  if (typeof value !== 'object' || value === null) return
  const within = value as Record<string, unknown>
  for (const key of Object.keys(within)) {
    const child = within[key]
    const at = `${path}/${nameOf(value, key, child)}`
    if (typeof child !== 'string') collect(line, { value: child, path: at }, texts)
    else if (inPieces.test(at)) {
      const pieces = texts.get(at) ?? []
      pieces.push({ line, text: child, replace: (text) => void (within[key] = text) })
      texts.set(at, pieces)
    }
  }
}

function nameOf(parent: object, key: string, child: unknown): string {
  if (!Array.isArray(parent) || typeof child !== 'object' || child === null) return key
  const { index } = child as { index?: unknown }
  return typeof index === 'number' ? String(index) : key
}
