/**
 * A list in a cell of a roster, such as the clients a worker is blocked for.
 *
 * Promise: of a list column each item as it is. Of text the items of a JSON array, else what stands between `;`; where
 * such a part may itself be a list (`A, B`, `A|B`, `['A', 'B']`) it counts whole and in its pieces, as a client that is
 * blocked must never pass for the way it was written.
 */

/** `json`: the cell as JSON, a list or a text; '' for none. */
export function listOf(json: string): readonly string[] {
  if (json === '') return []
  const cell: unknown = JSON.parse(json)
  const items = Array.isArray(cell) ? cell.map(textOf) : itemsOf(textOf(cell))
  return [...new Set(items.map((one) => one.trim()))].filter((one) => one !== '')
}

function textOf(item: unknown): string {
  if (item === null) return ''
  return typeof item === 'string' ? item : JSON.stringify(item)
}

function itemsOf(text: string): readonly string[] {
  return arrayIn(text) ?? text.split(';').flatMap((part) => [part, ...piecesOf(part)])
}

function arrayIn(text: string): readonly string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined
  try {
    const array: unknown = JSON.parse(text)
    return Array.isArray(array) ? array.map(textOf) : undefined
  } catch {
    return undefined
  }
}

function piecesOf(part: string): readonly string[] {
  const inner = part.trim().replace(/^\[(.*)\]$/s, '$1')
  return [inner, ...inner.split(/[,|]/)].map((piece) => piece.trim().replace(/^(['"])(.*)\1$/s, '$2'))
}
