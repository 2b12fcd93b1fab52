/**
 * What a variable says where a key should be.
 *
 * Promise: a placeholder copied from an example is not a key, and no message holds what was given.
 */
import { Failure } from '#processors/ports/failure.ts'

/** The key in a variable's text; undefined when it is a placeholder. Errors: `settings.invalid`. */
export function readKey(given: string, variable: string): string | undefined {
  const key = given.trim()
  if (isPlaceholder(key)) return undefined
  if (!/^[\u0021-\u007E]+$/.test(key)) {
    throw new Failure('settings.invalid', `${variable} holds a space or another character that no key has`, {
      remedy: `Copy the key into ${variable} again, without spaces, line breaks or typographic quotes.`,
    })
  }
  return key
}

/** Whether a text stands where a key should be, as in examples: `your_api_key`, `sk-xxxxx-or-blank`, `changeme`, `...`. */
export function isPlaceholder(given: string): boolean {
  const word = given.trim().toLowerCase()
  return (
    word === '' ||
    /^(?:[a-z]{2,6}[-_]){0,2}(?:[x.*…-]+|x{3,}[-_.x]*(?:or[-_]blank)?)$/.test(word) ||
    /^[\w-]{0,12}(?:\.{3,}|…)$/.test(word) ||
    /^(?:change[-_ ]?me|replace[-_ ]?me|insert.*here|todo|tbd|none|null|undefined|placeholder|or[-_]blank)$/.test(
      word,
    ) ||
    /^(?:put|enter|insert|add|paste)?[-_ ]?(?:your|my)[-_ ].*(?:key|token|secret)(?:[-_ ]here)?$/.test(word) ||
    /^(?:api|secret)[-_ ]?key$/.test(word) ||
    /^[<{[$].*[>}\]]$/.test(word)
  )
}

/** An address without what stands before its `@`; a password may hold what ends a host, and then hides that too. */
export function hideCredentials(address: string): string {
  return address.replace(/\/\/[^\s]*@/, '//')
}
