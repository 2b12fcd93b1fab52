import { Type } from 'typebox'
import type { ChatMessage } from '#processors/ports/model-provider.ts'

/** A message of a chat, passed through untouched: text, images, tool calls and their results. */
export const Message = Type.Unsafe<ChatMessage>(
  Type.Object({ role: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: true }),
)
