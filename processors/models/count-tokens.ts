/**
 * Tokens of a text, counted here, for calls whose provider told no usage.
 *
 * An estimate: OpenAI's o200k_base stands in for every model's tokenizer. Promise: bounded. The vocabulary (some MB, a
 * quarter of a second) is loaded when it is first needed; a text is counted in pieces, because a long run of one letter
 * takes quadratic time, and the event loop gets its turn between them; beyond `countedCharacters` the rest is reckoned
 * from what was counted.
 */
const pieceCharacters = 2048
const countedCharacters = 512 * 1024
const piecesATurn = 16

export async function countTokens(text: string): Promise<number> {
  if (text === '') return 0
  const { countTokens: count } = await import('gpt-tokenizer/encoding/o200k_base')
  const counted = Math.min(text.length, countedCharacters)
  let tokens = 0
  for (let from = 0, pieces = 1; from < counted; pieces += 1) {
    const to = Math.min(counted, endOfPiece(text, from))
    tokens += count(text.slice(from, to), asPlainText)
    from = to
    if (pieces % piecesATurn === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return Math.ceil((tokens * text.length) / counted)
}

/** Of a prompt: OpenAI's own count adds about four tokens a message. */
export async function countPromptTokens(messages: readonly { readonly content: unknown }[]): Promise<number> {
  const texts = messages.map(({ content }) => textOf(content))
  return (await countTokens(texts.join('\n'))) + 4 * messages.length
}

/** A text that holds a special token's name is a text all the same. */
const asPlainText = { disallowedSpecial: new Set<string>() }

/** At a space where there is one near, so that few words are counted in halves. */
function endOfPiece(text: string, from: number): number {
  const end = from + pieceCharacters
  if (end >= text.length) return text.length
  const space = text.lastIndexOf(' ', end)
  return space > from + pieceCharacters / 2 ? space : end
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part: { text?: unknown } | null) => (typeof part?.text === 'string' ? part.text : '')).join('\n')
}
