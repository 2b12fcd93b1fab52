/**
 * One event of a stream (`text/event-stream`), as the OpenAPI document shows it: the schema of each, not of the whole.
 *
 * OpenAPI 3.1 leaves open which of the two it means; 3.2's `itemSchema`, and who holds answers against documents, mean
 * this one.
 */
import { Type } from 'typebox'

export const EventOfStream = Type.Object(
  {
    event: Type.Optional(Type.String({ description: 'Its type; `message` where none is sent.' })),
    data: Type.String({ description: 'JSON, but for the closing `[DONE]` of OpenAI routes.' }),
    id: Type.Optional(Type.String()),
  },
  { description: 'Each event of the stream.' },
)
