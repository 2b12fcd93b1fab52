/**
 * The JSON a model meant, out of whatever it wrote around it.
 *
 * Promise: pure, and linear in the text's length whatever the text is. What is found is JSON as it stands there, nothing
 * mended: an object, or an array where the whole answer or a whole code fence is one. Looked for in this order:
 *
 * 1. the whole text;
 * 2. code fences with any tag, the first whose whole content is JSON; a fence that nobody closed goes to the end;
 * 3. the first balanced `{…}` in the text that is JSON. Braces in strings don't count, nor those that begin no object
 *    (`{name}`). What is nested in a broken or cut object is not taken for the answer.
 *
 * What nests deeper than 256 or has more than a million values is not taken, nor is anything looked for within or behind it.
 * An array in prose is not looked for, because `[1]` there is a citation: the first object in or after it is found.
 */
export interface ExtractedJson {
  readonly value: object
  readonly stood: 'whole' | 'fence' | 'prose'
  /** Where in the text, in UTF-16 units; `end` is behind it. */
  readonly start: number
  readonly end: number
}

/** Undefined where there is none. */
export function extractJson(text: string): ExtractedJson | undefined {
  const whole = parsed(text, { stood: 'whole', start: 0, end: text.length })
  if (whole !== undefined) return taken(whole)
  for (const { start, end } of fences(text)) {
    const found = parsed(text, { stood: 'fence', start, end })
    if (found !== undefined) return taken(found)
  }
  return taken(inProse(text))
}

/** Deeper ones are not taken: whoever walks them later would run out of stack. */
const deepest = 256
/** Larger ones take more time and memory to build than an answer is worth. */
const mostValues = 1_000_000

function taken(found: ExtractedJson | 'too large' | undefined): ExtractedJson | undefined {
  return found === 'too large' ? undefined : found
}

function parsed(text: string, at: Omit<ExtractedJson, 'value'>): ExtractedJson | 'too large' | undefined {
  const [start, end] = trimmed(text, at.start, at.end)
  const [first, last] = [text[start], text[end - 1]]
  if (!((first === '{' && last === '}') || (first === '[' && last === ']'))) return undefined
  if (exceeds(text, start, end)) return 'too large'
  try {
    const value: unknown = JSON.parse(text.slice(start, end))
    return isObject(value) ? { value, stood: at.stood, start, end } : undefined
  } catch {
    return undefined
  }
}

function trimmed(text: string, from: number, to: number): [number, number] {
  let [start, end] = [from, to]
  // A byte order mark may stand before an answer that was read from a file.
  while (start < end && /[\s\uFEFF]/.test(text[start]!)) start++
  while (end > start && /\s/.test(text[end - 1]!)) end--
  return [start, end]
}

/** Counted before anything is built. */
function exceeds(text: string, start: number, end: number): boolean {
  let depth = 0
  let values = 1
  for (let at = start; at < end; at++) {
    const unit = text[at]
    if (unit === '"') {
      for (at++; at < end && text[at] !== '"'; at++) if (text[at] === '\\') at++
    } else if (unit === '{' || unit === '[') {
      depth++
      values++
    } else if (unit === '}' || unit === ']') depth--
    else if (unit === ',') values++
    if (depth > deepest || values > mostValues) return true
  }
  return false
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** The insides of code fences, in order. Source: CommonMark 4.5, but a fence may open behind text on its line. */
function* fences(text: string): Generator<{ start: number; end: number }> {
  let open: { mark: string; start: number } | undefined
  for (let start = 0; start <= text.length;) {
    const newline = text.indexOf('\n', start)
    const end = newline === -1 ? text.length : newline
    const line = text.slice(start, end).trim()
    if (open === undefined) {
      const mark = openingMark(line)
      if (mark !== undefined) open = { mark, start: Math.min(end + 1, text.length) }
    } else if (line.startsWith(open.mark) && line === open.mark[0]!.repeat(line.length)) {
      yield { start: open.start, end: start }
      open = undefined
    }
    start = end + 1
  }
  if (open !== undefined) yield { start: open.start, end: text.length }
}

/** The run of backticks or tildes that opens a fence at the end of a line, but for its tag. */
function openingMark(line: string): string | undefined {
  for (const mark of ['```', '~~~']) {
    const last = line.lastIndexOf(mark)
    if (last === -1 || line.indexOf(mark[0]!, last + mark.length) !== -1) continue
    let start = last
    while (line[start - 1] === mark[0]) start--
    if (mark === '```' || start === 0) return line.slice(start, last + mark.length)
  }
  return undefined
}

/** Objects that are opened and never closed cost a scan to the end each. */
const mostUnclosed = 16

function inProse(text: string): ExtractedJson | 'too large' | undefined {
  let unclosed = 0
  for (let start = nextObject(text, 0); start !== -1;) {
    const end = balancedEnd(text, start)
    if (end !== -1) {
      const found = parsed(text, { stood: 'prose', start, end })
      if (found !== undefined) return found
      start = nextObject(text, end)
      continue
    }
    if (++unclosed === mostUnclosed) return undefined
    // An answer that was begun anew: only what stands at the margin is not a part of the cut one.
    do start = nextObject(text, start + 1)
    while (start !== -1 && text[start - 1] !== '\n')
  }
  return undefined
}

/** The next brace that a key or the closing brace follows; -1 for none. */
function nextObject(text: string, from: number): number {
  for (let at = text.indexOf('{', from); at !== -1; at = text.indexOf('{', at + 1)) {
    let next = at + 1
    while (next < text.length && ' \t\r\n'.includes(text[next]!)) next++
    if (text[next] === '"' || text[next] === '}') return at
  }
  return -1
}

/** Behind the brace that closes the one at `start`; -1 when nothing does. */
function balancedEnd(text: string, start: number): number {
  let depth = 0
  let inString = false
  for (let at = start; at < text.length; at++) {
    const unit = text[at]
    if (inString) {
      if (unit === '\\') at++
      else if (unit === '"') inString = false
    } else if (unit === '"') inString = true
    else if (unit === '{') depth++
    else if (unit === '}' && --depth === 0) return at + 1
  }
  return -1
}
