/**
 * A document's text in passages small enough to rank and to put into a prompt.
 *
 * Promise: pure and deterministic; every character of the text outside blank lines is in exactly one passage, in order;
 * a passage is at most `maxCharacters` long. Cut at headings and blank lines first, at sentences and words only where a
 * paragraph is too long.
 */
export interface Passage {
  readonly ordinal: number
  /** The headings above it, outermost first, joined by ' › '; '' where there is none. */
  readonly heading: string
  readonly text: string
}

export const maxCharacters = 1200
/** Of one heading: it stands above every passage below it. */
const headingCharacters = 200

export function chunkText(text: string): Passage[] {
  const passages: Passage[] = []
  const headings: string[] = []
  let gathered = ''
  let fenced = false

  const close = (): void => {
    if (gathered.trim() !== '') {
      passages.push({ ordinal: passages.length, heading: headings.filter(Boolean).join(' › '), text: gathered.trim() })
    }
    gathered = ''
  }
  for (const block of blocks(text)) {
    const heading = fenced ? undefined : /^(#{1,6})[ \t]+(.+)/.exec(block)
    if (heading !== undefined && heading !== null) {
      close()
      const level = heading[1]!.length
      headings.length = level - 1
      headings[level - 1] = heading[2]!.trim().slice(0, headingCharacters).toWellFormed()
    }
    for (const piece of pieces(block)) {
      if (gathered.length + piece.length + 2 > maxCharacters) close()
      gathered += gathered === '' ? piece : `\n\n${piece}`
    }
    if ((block.match(/^```/gm)?.length ?? 0) % 2 === 1) fenced = !fenced
  }
  close()
  return passages
}

/** Paragraphs; a heading line begins a paragraph of its own. */
function blocks(text: string): string[] {
  return text
    .replaceAll('\r\n', '\n')
    .split(/\n[ \t]*\n|\n(?=#{1,6} )/)
    .filter((block) => block.trim() !== '')
}

function* pieces(block: string): Generator<string> {
  let rest = block
  while (rest.length > maxCharacters) {
    const cut = cutAt(rest)
    yield rest.slice(0, cut).trimEnd()
    rest = rest.slice(cut).trimStart()
  }
  if (rest !== '') yield rest
}

/** The last line end, sentence end or space before the limit; never inside a surrogate pair. */
function cutAt(text: string): number {
  const head = text.slice(0, maxCharacters)
  for (const mark of ['\n', '. ', ' ']) {
    const at = head.lastIndexOf(mark)
    if (at > maxCharacters / 2) return at + mark.length
  }
  const code = text.charCodeAt(maxCharacters - 1)
  return code >= 0xd800 && code < 0xdc00 ? maxCharacters - 1 : maxCharacters
}
