/**
 * A recorded body of `/chat/completions` read again, for a request that is repeated.
 *
 * Promise: what `streamCompletion` made of it when it came, it makes of it now: the same chunks, the same completion,
 * whether it was a stream then or a whole.
 */
import type { ModelReply, RereadOptions } from '#processors/ports/model-provider.ts'
import { recorded } from '#infra/http/exchange.ts'
import type { Asked } from '#infra/http/model-failures.ts'
import { streamCompletion } from './stream-completion.ts'

export function rereadCompletion(asked: Asked, raw: string, { onEvent, wantsUsage }: RereadOptions): ModelReply {
  const exchanged = recorded(raw)
  const reader = streamCompletion({ asked, onEvent, wantsUsage, hideKey: (text) => text })
  reader.take(exchanged.bytes)
  return reader.reply(exchanged)
}
