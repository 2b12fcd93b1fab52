/**
 * The words of a question worth searching for.
 *
 * Promise: words only, lower case, each once, at most `maxTerms`; stop words are left out unless nothing else is there.
 */
export const maxTerms = 32

const stopWords = new Set(
  `a about above after again all also am an and any are as at be because been before being below between both but by can
   could did do does doing down during each few for from further had has have having he her here hers him his how i if in
   into is it its just me more most my no nor not now of off on once only or other our out over own please same she should
   so some such tell than that the their them then there these they this those through to too under until up us very was
   we were what when where which while who whom whose why will with would you your`.split(/\s+/),
)

export function termsOf(query: string): string[] {
  const words = new Set(
    (
      query
        .normalize('NFC')
        .toLowerCase()
        .match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? []
    ).map((word) => word.slice(0, 64)),
  )
  const telling = [...words].filter(isTelling)
  return (telling.length > 0 ? telling : [...words]).slice(0, maxTerms)
}

/** Whether a word says what is asked for; a question of none such is about the documents as a whole. */
export function isTelling(term: string): boolean {
  return !stopWords.has(term)
}
