import { countPromptTokens, countTokens } from '#processors/models/count-tokens.ts'
import type { ChatMessage, ModelFailureCode, ModelReply } from '#processors/ports/model-provider.ts'
import type { EventData } from '#schemas/event.ts'
import { tellsCost } from './price-table.ts'
import { costOf, isFree, mostMicroUsd, type Prices } from './prices.ts'

/**
 * What a call did cost, from its reply.
 *
 * Promise: usage is the provider's where it told any, else counted here and marked estimated. A call that costs nothing
 * is not counted. A failed call is charged when its usage was told or text was received, and when it ended under way
 * (cut, timed out, cancelled): then the provider may have billed the prompt and what it had written.
 */
export type Charge = Pick<
  EventData['attempt.completed'],
  'promptTokens' | 'completionTokens' | 'usageEstimated' | 'costMicroUsd'
>

export async function charge(
  reply: ModelReply,
  call: { readonly provider: string; readonly model: string; readonly messages: readonly ChatMessage[] },
  prices: Prices | undefined,
): Promise<Charge> {
  const { cachedTokens = 0, cacheWriteTokens = 0 } = reply
  const told = { promptTokens: reply.promptTokens ?? null, completionTokens: reply.completionTokens ?? null }
  // A provider that names the cost of each call knows it best, also where the table knows no price.
  if (reply.toldMicroUsd !== undefined && tellsCost.has(call.provider))
    return { ...told, usageEstimated: false, costMicroUsd: Math.min(reply.toldMicroUsd, mostMicroUsd) }
  const price = prices?.of(call.provider, call.model)
  const nothing = { ...told, usageEstimated: false, costMicroUsd: 0 }
  if (price === undefined || isFree(price) || !wasPaid(reply)) return nothing
  const promptTokens = told.promptTokens ?? (await countPromptTokens(call.messages))
  const completionTokens = told.completionTokens ?? (await countTokens(answerIn(reply)))
  return {
    promptTokens,
    completionTokens,
    usageEstimated: told.promptTokens === null || told.completionTokens === null,
    costMicroUsd: costOf(price, promptTokens, completionTokens, { read: cachedTokens, written: cacheWriteTokens }),
  }
}

const endedUnderWay: readonly ModelFailureCode[] = ['cut', 'timeout', 'cancelled']

function wasPaid(reply: ModelReply): boolean {
  if (reply.ok || reply.promptTokens !== undefined || reply.completionTokens !== undefined) return true
  return (reply.partial ?? '') !== '' || endedUnderWay.includes(reply.code)
}

/** A tool call has no text; its body stands in, which is more. */
function answerIn(reply: ModelReply): string {
  if (!reply.ok) return reply.partial ?? ''
  return reply.content === '' ? (reply.completion ?? reply.raw) : reply.content
}
