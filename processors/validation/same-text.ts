/** A text for comparing what people wrote: capital letters, space and ways to write the same letter aside. */
export function folded(text: string): string {
  return text.normalize('NFKC').replaceAll(/\s+/g, ' ').trim().toLowerCase()
}

export function isSameText(one: string, other: string): boolean {
  return folded(one) === folded(other)
}
