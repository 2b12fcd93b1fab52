/**
 * Bytes of a response as lines of JSON, as they come.
 *
 * Promise: where the bytes are split changes nothing, also not inside a UTF-8 character. Empty lines are left out; `end`
 * gives the last line also where its newline is missing. Linear, however long a line is.
 */
export interface LineReader {
  feed(bytes: Uint8Array): void
  end(): void
}

export function readLines(onLine: (line: string) => void): LineReader {
  const decoder = new TextDecoder()
  const decoding = { stream: true }
  /** Pieces of the line that has not ended yet. */
  let pending: string[] = []
  const give = (line: string) => {
    if (line.trim() !== '') onLine(line)
  }
  const feed = (text: string) => {
    let from = 0
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      const rest = text.slice(from, at)
      give(pending.length === 0 ? rest : pending.join('') + rest)
      if (pending.length > 0) pending = []
      from = at + 1
    }
    if (from < text.length) pending.push(from === 0 ? text : text.slice(from))
  }
  return {
    feed: (bytes) => feed(decoder.decode(bytes, decoding)),
    end() {
      feed(decoder.decode())
      give(pending.join(''))
      pending = []
    },
  }
}
