import { finding } from './finding.ts'
import type { Validator } from './validator.ts'

/**
 * The gate of a replayed task: an answer that says something of its own, refuses nothing, and uses what was retrieved.
 *
 * Promise: total, and of any language: words are found as Unicode has them (UAX #29), also where no space parts them. Of each
 * text the first 100,000 characters are read, as finding words takes a second for each million. It judges no facts; an answer that passes may still be wrong. `options.task` is the task; without it nothing is an echo.
 */
export const replay: Validator = {
  judge(answer, { task }, { passages = [] }) {
    if (answer.trim() === '') return [finding('Empty', 'empty', 'the response is empty')]
    const asked = typeof task === 'string' ? task : ''
    const read = beginning(answer)
    return [
      ...(plain(read) === plain(beginning(asked))
        ? [finding('Completeness', 'echo', 'the response only repeats the task')]
        : []),
      ...(refusal.test(read) ? [finding('Policy', 'refusal', 'the response refuses the task')] : []),
      ...(passages.length > 0 && !usesOne(read, { asked, passages })
        ? [finding('Consistency', 'ungrounded', 'the response uses none of the retrieved passages')]
        : []),
    ]
  },
}

const longestRead = 100_000

function beginning(text: string): string {
  return text.slice(0, longestRead).toWellFormed()
}

const refusal =
  /\bas an ai\b|\bi(?: am|'m|’m)? (?:sorry, but i )?(?:can(?:not|'t|’t| not)|unable to|not able to) (?:help|assist|answer|comply|do that|fulfil)/i

/** By its number in brackets, by its name, or by a word of it that the task does not have itself. */
function usesOne(
  answer: string,
  { asked, passages }: { asked: string; passages: readonly { readonly path: string; readonly text: string }[] },
): boolean {
  if (passages.some(({ path }, index) => answer.includes(`[${index + 1}]`) || (path !== '' && answer.includes(path)))) {
    return true
  }
  const own = wordsOf(asked)
  const said = wordsOf(answer).difference(own)
  return passages.some(({ text }) => !wordsOf(text).isDisjointFrom(said))
}

const segmenter = new Intl.Segmenter('und', { granularity: 'word' })
/** Shorter words of an alphabet are in any two texts. */
const tellingLetters = 4

function wordsOf(text: string): Set<string> {
  const words = new Set<string>()
  for (const { segment, isWordLike } of segmenter.segment(beginning(text).normalize('NFC').toLowerCase())) {
    if (isWordLike === true && (segment.length >= tellingLetters || !alphabetic.test(segment))) words.add(segment)
  }
  return words
}

const alphabetic = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]+$/u

function plain(text: string): string {
  return text.normalize('NFC').replaceAll(/\s+/g, ' ').trim().toLowerCase()
}
