/**
 * Bytes of a response as server-sent events (WHATWG HTML, 9.2.6), as they come.
 *
 * Promise: where the bytes are split changes nothing: not between `\r` and `\n`, not inside a UTF-8 character. Bytes that
 * are no UTF-8 become U+FFFD, as in every client. `end` gives the last event also where its blank line is missing, which
 * servers of models leave out.
 */
import { createParser } from 'eventsource-parser'

export interface EventReader {
  feed(bytes: Uint8Array): void
  end(): void
}

/** `type` is the `event:` field, where there was one. */
export function readEvents(onEvent: (data: string, type: string | undefined) => void): EventReader {
  const decoder = new TextDecoder()
  const decoding = { stream: true }
  const parser = createParser({ onEvent: ({ data, event }) => onEvent(data, event) })
  return {
    feed: (bytes) => parser.feed(decoder.decode(bytes, decoding)),
    end: () => parser.feed(`${decoder.decode()}\n\n`),
  }
}
