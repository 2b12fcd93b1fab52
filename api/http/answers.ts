import type { TSchema } from 'typebox'
import { EventOfStream } from './event-schema.ts'
import { problemType, statusOf } from './problem.ts'
import type { ProblemCode } from './problem.ts'

/**
 * What a route answers, as its part of the OpenAPI document: every status, every header, every code.
 *
 * Promise: the statuses named are the only ones; the tests hold each answer of the server against them.
 */
export interface Answer {
  readonly description: string
  /** With an `$id` it is shown as a component, and has to be added by `addSchema`. */
  readonly schema?: TSchema
  /** Where it is not JSON. */
  readonly type?: string
  /** Where it can be had as a stream of events too. */
  readonly alsoAs?: 'text/event-stream'
  readonly headers?: readonly (keyof typeof headers)[]
}

const headers = {
  location: 'Where the result is.',
  'x-lattice-position': 'A read gets what it has folded; a write what it wrote. Give it as `at` to read no earlier.',
  'idempotency-replayed': '`true`: an earlier request with the same key made it.',
} as const

const everywhere: readonly ProblemCode[] = [
  'request.invalid',
  'auth.required',
  'origin.refused',
  'request.timeout',
  'request.headers-too-large',
  'internal',
  'log.closed',
]
const withBody: readonly ProblemCode[] = ['request.too-large', 'media-type.unsupported', 'server.busy']
const withLog: readonly ProblemCode[] = ['log.unavailable', 'log.closed']

export function answers(
  good: Readonly<Record<number, Answer>>,
  ...codes: readonly ProblemCode[]
): Record<number, unknown> {
  const all: Record<number, Described> = {}
  for (const [status, answer] of Object.entries(good)) all[Number(status)] = described(answer)
  for (const [status, codesOfIt] of byStatus([...everywhere, ...codes])) {
    const said = codesOfIt.map((code) => `\`${code}\``).join(', ')
    const { description = '', content = {}, ...rest } = all[status] ?? {}
    all[status] = {
      ...rest,
      description: description === '' ? said : `${description} Or: ${said}`,
      content: { ...content, [problemType]: { schema: { $ref: 'Problem#' } } },
    }
  }
  return all
}

/** Codes of a route that takes a body, appends, reads by position. */
export const codesOf = {
  body: withBody,
  write: [...withLog, 'log.full', 'append.outcome-unknown', 'schema.unavailable', 'store.stalled', 'record.too-large'],
  read: ['position.invalid', 'log.other', 'position.not-reached', 'store.locked', 'store.stalled', ...withLog],
} as const satisfies Record<string, readonly ProblemCode[]>

interface Described {
  readonly description: string
  readonly headers?: unknown
  readonly content?: Readonly<Record<string, unknown>>
}

function described({ description, schema, type, alsoAs, headers: named = [] }: Answer): Described {
  const content: Record<string, unknown> = {}
  if (schema !== undefined)
    content['application/json'] = { schema: '$id' in schema ? { $ref: `${String(schema.$id)}#` } : schema }
  if (type !== undefined) content[type] = { schema: { type: 'string' } }
  if (alsoAs !== undefined) content[alsoAs] = { schema: EventOfStream }
  const shown = named.map((name): [string, unknown] => [name, { type: 'string', description: headers[name] }])
  return {
    description,
    ...(Object.keys(content).length === 0 ? { type: 'null' } : { content }),
    ...(shown.length === 0 ? {} : { headers: Object.fromEntries(shown) }),
  }
}

function byStatus(codes: readonly ProblemCode[]): Map<number, ProblemCode[]> {
  const statuses = new Map<number, ProblemCode[]>()
  for (const code of new Set(codes)) {
    const status = statusOf[code] ?? 500
    statuses.set(status, [...(statuses.get(status) ?? []), code])
  }
  return statuses
}
