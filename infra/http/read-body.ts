/**
 * A 2xx body read as what was asked for.
 *
 * Promise: total. Any text gives what `find` finds in its JSON, or a typed failure that keeps the whole body: nothing at
 * all (`empty-body`), a proxy's page (`not-json`), an error in place of an answer (`error-body`), anything else
 * (`malformed`).
 */
import type { ModelFailure } from '#processors/ports/model-provider.ts'
import {
  type Asked,
  describeBody,
  errorIn,
  failure,
  failureOfErrorBody,
  parseLoosely,
  type Received,
} from './model-failures.ts'

export interface Wanted<Found> {
  /** For the message of a body without one, such as `chat completion`. */
  readonly what: string
  readonly find: (parsed: unknown) => Found | undefined
}

export function readBody<Found>(
  asked: Asked,
  received: Received,
  { what, find }: Wanted<Found>,
): { readonly ok: true; readonly found: Found } | ModelFailure {
  const found = find(parseLoosely(received.text))
  return found === undefined ? failureOfBody(asked, received, { what }) : { ok: true, found }
}

/** Of a body that is not what was asked for, or of the part of a streamed one that is not. */
export function failureOfBody(
  asked: Asked,
  received: Received,
  { what, part = received.text, retryable = false }: { what: string; part?: string; retryable?: boolean },
): ModelFailure {
  const { status, headers, text: raw } = received
  const got = { raw, httpStatus: status, retryable }
  const answered = `${asked.url} answered ${status} with`
  if (part.trim() === '') return failure('empty-body', `${answered} an empty body`, { ...got, retryable: true })
  const parsed = parseLoosely(part)
  if (parsed === undefined) {
    const encoding = [headers['content-encoding']].flat()[0] ?? 'identity'
    const reason =
      encoding === 'identity'
        ? `${describeBody(part)}, which is not JSON`
        : `a body in ${encoding} encoding, which was not asked for`
    return failure('not-json', `${answered} ${reason}`, got)
  }
  const error = errorIn(parsed)
  if (error !== undefined) return { ...failureOfErrorBody(asked, { ...received, text: part }, error), raw }
  return failure('malformed', `${answered} no ${what}: ${describeBody(part)}`, got)
}
