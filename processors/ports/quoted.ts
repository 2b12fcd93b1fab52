/**
 * What a caller gave, as a message may repeat it: bounded, and with nothing in it that acts on a terminal or a log.
 */
export function quoted(given: string): string {
  const shown = given.length > longest ? `${given.slice(0, longest)}…` : given
  return JSON.stringify(shown.toWellFormed()).replace(
    /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    escaped,
  )
}

const longest = 64

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
