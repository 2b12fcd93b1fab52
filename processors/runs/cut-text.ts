/**
 * A text for a tool that shows it: whole where it is short, else its beginning and a mark that says how much there was.
 *
 * Promise: never longer than `mostShown` characters and the mark, and never half a character.
 */
export const mostShown = 16_384

export function cutText(text: string, most: number = mostShown): string {
  if (text.length <= most) return text
  const half = /[\uD800-\uDBFF]$/.test(text.slice(0, most)) ? 1 : 0
  return `${text.slice(0, most - half)}… [cut: ${most - half} of ${text.length} characters; the event has all]`
}
