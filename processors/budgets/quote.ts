import type { Price } from '#processors/ports/budget-rules.ts'
import { costOf, isFree, pricesOf } from './prices.ts'

/**
 * The most a call is expected to cost, before it is made.
 *
 * Promise: pure, and fast enough for every call: nothing is tokenized. A prompt has at most as many tokens as its JSON
 * has bytes, since a token is at least one; an image or a file in it counts as `tokensOfAttachment` in place of its
 * bytes. The answer has at most what the caller, else the table, allows, as often as `n` says. Without either there is
 * no most (R12).
 */
export type Quote =
  | { readonly is: 'free' }
  | { readonly is: 'priced'; readonly microUsd: number }
  | { readonly is: 'unpriced'; readonly reason: string }

export interface QuotedCall {
  readonly provider: string
  readonly model: string
  /** JSON of the chat messages. */
  readonly messages: string
  /** JSON of the fields beside them. */
  readonly parameters: string
}

/** More than providers bill for an image in its largest form; a long file may take more. */
const tokensOfAttachment = 6000

export function quote(call: QuotedCall, price: Price | undefined): Quote {
  if (price === undefined) {
    return {
      is: 'unpriced',
      reason: `the price of ${call.provider}/${call.model} is not known (prices of ${pricesOf})`,
    }
  }
  if (isFree(price)) return { is: 'free' }
  const parameters = JSON.parse(call.parameters) as Record<string, unknown>
  const output = outputCap(parameters) ?? price.maxOutput
  if (output === undefined) {
    return { is: 'unpriced', reason: `nothing limits the answer of ${call.provider}/${call.model}` }
  }
  const answers = countOf(parameters['n']) ?? 1
  return { is: 'priced', microUsd: costOf(price, promptBound(call), output * answers) }
}

/** Tokens at most. */
function promptBound({ messages, parameters }: QuotedCall): number {
  const bytes = Buffer.byteLength(messages) + Buffer.byteLength(parameters)
  if (!/"(?:image_url|input_audio|file)"/.test(messages)) return bytes
  let inline = 0
  let attachments = 0
  for (const [found] of messages.matchAll(
    /"(?:image_url|input_audio|file)":|"(?:data:|[A-Za-z0-9+/]{1024})[^"\\]*"/g,
  )) {
    if (found.endsWith(':')) attachments += 1
    else inline += found.length
  }
  return bytes - inline + attachments * tokensOfAttachment
}

function outputCap(parameters: Readonly<Record<string, unknown>>): number | undefined {
  return countOf(parameters['max_completion_tokens']) ?? countOf(parameters['max_tokens'])
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.ceil(value) : undefined
}
