/**
 * Sentences by how well they answer a question.
 *
 * Promise: pure and total; no sentence twice, none that only repeats a better one; ties stand in the order given. Rare
 * words of the question count most, then the rank of the passage, then how early a sentence stands in it, so that a
 * question without telling words gets the opening of the best passages.
 */
import { termsOf } from '#processors/search/terms.ts'
import type { Sentence } from './passage-sentences.ts'

const weight = { ofPassage: 0.8, ofPlace: 0.5, ofQuestion: 2, ofFragment: -0.6, ofAsking: -0.4 }
/** What scores less than this share of the best is filler. */
const leastOfBest = 0.35
/** Share of a sentence's words that a better one may have already. */
const mostRepeated = 0.7

export function rankSentences(question: string, sentences: readonly Sentence[]): Sentence[] {
  const asked = termsOf(question).map(stem)
  const worded = sentences.map((sentence) => ({ sentence, words: wordsOf(sentence.text) }))
  const rarity = new Map(
    asked.map((term) => [term, rarityOf(worded.filter(({ words }) => words.has(term)).length, worded.length)]),
  )
  const most = [...rarity.values()].reduce((sum, one) => sum + one, 0) || 1
  const scored = worded.map(({ sentence, words }) => {
    const matched = asked.reduce((sum, term) => sum + (words.has(term) ? (rarity.get(term) ?? 0) : 0), 0) / most
    const dampened = matched / Math.max(1, words.size / 30)
    const ofPassage = weight.ofPassage / (1 + sentence.passage)
    const ofPlace = weight.ofPlace / (1 + sentence.index)
    return { sentence, words, score: weight.ofQuestion * dampened + ofPassage + ofPlace + ofForm(sentence.text) }
  })
  scored.sort(
    (a, b) => b.score - a.score || a.sentence.passage - b.sentence.passage || a.sentence.index - b.sentence.index,
  )
  const least = (scored[0]?.score ?? 0) * leastOfBest
  return withoutRepeats(scored.filter(({ score }, index) => index === 0 || score >= least))
}

/** A fragment of a list or of a longer sentence says little alone; a question answers none. */
function ofForm(text: string): number {
  const whole = /[.!…。！][\])"'”’]*$/.test(text) && !/^\p{Ll}/u.test(text)
  if (text.endsWith('?')) return weight.ofAsking
  return whole ? 0 : weight.ofFragment
}

function withoutRepeats(ranked: readonly { sentence: Sentence; words: ReadonlySet<string> }[]): Sentence[] {
  const kept: { sentence: Sentence; words: ReadonlySet<string> }[] = []
  for (const one of ranked) {
    if (kept.length === 20) break
    if (kept.every((better) => shared(one.words, better.words) <= mostRepeated)) kept.push(one)
  }
  return kept.map(({ sentence }) => sentence)
}

function shared(words: ReadonlySet<string>, others: ReadonlySet<string>): number {
  let both = 0
  for (const word of words) if (others.has(word)) both++
  return words.size === 0 ? 1 : both / words.size
}

function rarityOf(found: number, all: number): number {
  return found === 0 ? 0 : Math.log(1 + all / found)
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set((text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map(stem))
}

/** Enough of English to find "retries" by "retry"; other words stand as they are. */
function stem(word: string): string {
  return word.length < 5 ? word : word.replace(/(?:ies|ied)$/, 'y').replace(/(?:ing|ed|es|s)$/, '')
}
