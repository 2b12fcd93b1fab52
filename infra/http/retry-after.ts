/**
 * How long a server asks us to wait.
 *
 * Promise: undefined, or a whole number of milliseconds from 0 to a day, whatever the header holds.
 * `retry-after-ms` (OpenAI) is exact and comes first, then `retry-after` (RFC 9110 10.2.3: seconds or an HTTP date), then
 * the body's RetryInfo (Gemini), which has no header.
 */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

const dayMs = 86_400_000

export function retryAfterMs(
  headers: ResponseHeaders,
  retryDelay?: unknown,
  now: number = Date.now(),
): number | undefined {
  return (
    sane(decimal(first(headers['retry-after-ms']))) ??
    sane(times(decimal(first(headers['retry-after'])), 1000)) ??
    sane(untilDate(first(headers['retry-after']), now)) ??
    sane(times(decimal(/^(.+)s$/.exec(typeof retryDelay === 'string' ? retryDelay.slice(0, 40) : '')?.[1]), 1000))
  )
}

function first(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.trim()
}

function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}(\.\d{0,15})?$/.test(text) ? Number(text) : undefined
}

function times(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor
}

/** An HTTP date begins with its weekday; `Date.parse` alone would take almost anything. */
function untilDate(text: string | undefined, now: number): number | undefined {
  if (text === undefined || !/^(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i.test(text)) return undefined
  return Date.parse(text) - now
}

function sane(ms: number | undefined): number | undefined {
  if (ms === undefined || !Number.isFinite(ms)) return undefined
  return Math.min(Math.max(Math.ceil(ms), 0), dayMs)
}
