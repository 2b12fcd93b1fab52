import { chat } from '#processors/kinds/chat/chat.command.ts'
import type { ChatOptions, ChatPorts, ChatResult } from '#processors/kinds/chat/chat.command.ts'

/**
 * Asks a model for vectors of texts, here and now: a run like a chat, with one message that is the input.
 *
 * Promise: that of a chat. The answer's `raw` is the model server's embeddings body.
 */
export interface EmbedRequest {
  readonly model: string
  /** OpenAI's `input`: a text, texts, or token ids. */
  readonly input: unknown
  readonly parameters: Readonly<Record<string, unknown>>
}

export function embed(
  ports: ChatPorts,
  { model, input, parameters }: EmbedRequest,
  options: ChatOptions,
): Promise<ChatResult> {
  return chat(ports, { kind: 'embed', model, messages: [{ role: 'user', content: input }], parameters }, options)
}
