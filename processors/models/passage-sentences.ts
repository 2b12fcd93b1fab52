/**
 * The sentences of passages, as plain text worth quoting.
 *
 * Promise: pure. Markdown's marks are taken off; headings, code, tables, images and badges, which are no sentences, are
 * left out. Order is kept.
 */
import type { ModelRequest } from '#processors/ports/model-provider.ts'

export interface Sentence {
  readonly text: string
  readonly path: string
  /** Index of its passage; the best one is 0. */
  readonly passage: number
  /** Index among the sentences of its passage. */
  readonly index: number
}

const shortest = 20
const longest = 400
const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })

export function sentencesOf(passages: NonNullable<ModelRequest['passages']>): Sentence[] {
  return passages.flatMap(({ path, text }, passage) =>
    paragraphsOf(text)
      .flatMap((paragraph) => [...segmenter.segment(paragraph)].map(({ segment }) => shortened(segment.trim())))
      .filter((sentence) => sentence.length >= shortest && /\p{L}{2}/u.test(sentence))
      .map((sentence, index) => ({ text: sentence, path, passage, index })),
  )
}

function paragraphsOf(passage: string): string[] {
  const paragraphs: string[] = []
  let open = ''
  const close = () => {
    const words = withoutMarks(open)
    if (words !== '') paragraphs.push(words)
    open = ''
  }
  for (const line of proseLines(passage)) {
    const begins = /^\s*(?:[-*+]|\d{1,3}[.)])\s+/.exec(line)
    if (line.trim() === '' || begins !== null) close()
    open = `${open} ${line.slice(begins?.[0].length ?? 0).replace(/^\s*>+\s?/, '')}`
  }
  close()
  return paragraphs
}

/** Lines outside code; a heading, a table's row or a rule is an empty line, which ends a paragraph. */
function proseLines(passage: string): string[] {
  const lines = passage
    .replaceAll('\r\n', '\n')
    .replace(/<!--[\s\S]*?-->/g, '')
    .split('\n')
  let fenced = false
  return lines.map((line, index) => {
    if (/^\s*(```|~~~)/.test(line)) {
      fenced = !fenced
      return ''
    }
    const apart = fenced || /^(\s*#{1,6}\s|\s*\||\s*([-*_=]\s*){3,}$|\t| {4,}\S)/.test(line)
    return apart || (index === 0 && isBareHeading(line, lines[1])) ? '' : line
  })
}

/** A passage may begin with the headings above it, unmarked: short, no full stop, and no sentence that goes on. */
function isBareHeading(line: string, next: string | undefined): boolean {
  if (next === undefined || line.length > 120 || /[.!?:;,]\s*$/.test(line)) return false
  return line.includes(' › ') || (line.length < 60 && /^(\s*$|[\p{Lu}\p{N}`*_>[(|!<-])/u.test(next))
}

function withoutMarks(paragraph: string): string {
  return paragraph
    .replace(/!\[[^\]]*\](\([^)]*\)|\[[^\]]*\])/g, '')
    .replace(/\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])/g, '$1')
    .replace(/(`[^`]*`)|<\/?[a-z][^>]{0,500}>/gi, '$1')
    .replace(/(\*\*|__)(?=\S)(.+?)\1/g, '$2')
    .replace(/\s+/g, ' ')
    .trim()
}

/** A sentence that doesn't end is cut at a word. */
function shortened(sentence: string): string {
  if (sentence.length <= longest) return sentence
  const head = sentence.slice(0, longest)
  const space = head.lastIndexOf(' ')
  return `${(space > longest / 2 ? head.slice(0, space) : head).toWellFormed()}…`
}
