import type { Price } from '#processors/ports/budget-rules.ts'
import { pricesOf } from './price-table.ts'
import { costOf, isFree } from './prices.ts'

/**
 * The most a call is expected to cost, before it is made.
 *
 * Promise: pure, and fast enough for every call: nothing is tokenized. A prompt has at most as many tokens as its JSON
 * has bytes, since a token is at least one; an image or a file in it counts as `tokensOfAttachment` in place of its
 * bytes, where it stands as one: a text that looks like a file is text. The answer has at most what the caller, else the
 * table, allows, as often as `n` says. Without either there is no most (R12).
 */
export type Quote =
  | { readonly is: 'free' }
  | { readonly is: 'priced'; readonly microUsd: number }
  /** `lines` are what `lattice.toml` lacks. */
  | { readonly is: 'unpriced'; readonly reason: string; readonly lines: string }

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
      lines: linesFor(call),
    }
  }
  if (isFree(price)) return { is: 'free' }
  const parameters = JSON.parse(call.parameters) as Record<string, unknown>
  const output = outputCap(parameters) ?? price.maxOutput
  if (output === undefined) {
    return {
      is: 'unpriced',
      reason: `nothing limits the answer of ${call.provider}/${call.model}`,
      lines: linesFor(call, price),
    }
  }
  const answers = Math.max(1, countOf(parameters['n']) ?? 1, countOf(parameters['best_of']) ?? 1)
  return { is: 'priced', microUsd: costOf(price, promptBound(call), output * answers) }
}

/** In TOML; what is not known is named by its unit. */
function linesFor({ provider, model }: QuotedCall, known?: Price): string {
  const dollars = '<US dollars a million tokens>'
  return [
    `[prices.${JSON.stringify(`${provider}/${model}`)}]`,
    `input = ${known?.input ?? dollars}`,
    `output = ${known?.output ?? dollars}`,
    'max_output = <tokens of the longest answer>',
  ].join('\n')
}

/** Tokens at most. */
function promptBound({ messages, parameters }: QuotedCall): number {
  const bytes = Buffer.byteLength(messages) + Buffer.byteLength(parameters)
  if (!/"(?:image_url|input_audio|file)"/.test(messages)) return bytes
  const attached = attachmentsIn(JSON.parse(messages) as unknown)
  const inline = attached.reduce((sum, data) => sum + Buffer.byteLength(data), 0)
  return bytes - inline + attached.length * tokensOfAttachment
}

/** What each image and file in the messages is given by; empty where that is something else than its bytes. */
function attachmentsIn(messages: unknown): string[] {
  return listOf(messages)
    .flatMap((message) => listOf(fieldOf(message, 'content')))
    .flatMap((part) => {
      const type = fieldOf(part, 'type')
      if (type === 'image_url') {
        const given = fieldOf(part, 'image_url')
        const url = typeof given === 'string' ? given : fieldOf(given, 'url')
        return [typeof url === 'string' && url.startsWith('data:') ? url : '']
      }
      if (type !== 'input_audio' && type !== 'file') return []
      const data = fieldOf(fieldOf(part, type), type === 'file' ? 'file_data' : 'data')
      return [typeof data === 'string' ? data : '']
    })
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined
}

/** The larger where two are given: which of them the server heeds is its own. */
function outputCap(parameters: Readonly<Record<string, unknown>>): number | undefined {
  const caps = [countOf(parameters['max_completion_tokens']), countOf(parameters['max_tokens'])]
  const given = caps.filter((cap) => cap !== undefined)
  return given.length === 0 ? undefined : Math.max(...given)
}

/** A number as text too, which lenient servers read as one. */
function countOf(value: unknown): number | undefined {
  const count = typeof value === 'string' ? Number(value) : value
  return typeof count === 'number' && Number.isFinite(count) && count > 0 ? Math.ceil(count) : undefined
}
