/**
 * An envelope as record headers: CloudEvents 1.0 names, Kafka binding, binary mode.
 *
 * Promises: `fromHeaders(toHeaders(envelope))` is the envelope; names and values are printable ASCII on every backend;
 * headers that are no envelope of ours give undefined, never an error; `isEnvelope` says so without building one.
 * Source: CloudEvents Kafka binding 1.0.2, section 3.2; percent-encoding as in the HTTP binding, section 3.1.3.2.
 */
import type { Envelope, Link } from '#schemas/event.ts'

type Headers = Readonly<Record<string, string>>

export function toHeaders(envelope: Envelope): Record<string, string> {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: encoded(envelope.id),
    ce_type: encoded(envelope.type),
    ce_source: encoded(envelope.source),
    ce_subject: encoded(envelope.subject),
    ce_time: encoded(envelope.time),
    'content-type': 'application/avro',
  }
  if (envelope.chain !== undefined) {
    headers['ce_run'] = encoded(envelope.chain.run)
    headers['ce_seq'] = String(envelope.chain.seq)
    if (envelope.chain.prev !== '') headers['ce_prev'] = encoded(envelope.chain.prev)
  }
  if (envelope.traceparent !== undefined) headers['traceparent'] = encoded(envelope.traceparent)
  if (envelope.causationId !== undefined) headers['ce_causationid'] = encoded(envelope.causationId)
  if (envelope.correlationId !== undefined) headers['ce_correlationid'] = encoded(envelope.correlationId)
  if (envelope.interactive === true) headers['ce_interactive'] = 'true'
  return headers
}

export function fromHeaders(headers: Headers): Envelope | undefined {
  if (headers['ce_specversion'] !== '1.0') return undefined
  const id = decoded(headers['ce_id'])
  const type = decoded(headers['ce_type'])
  const source = decoded(headers['ce_source'])
  const subject = decoded(headers['ce_subject'])
  const time = decoded(headers['ce_time'])
  if (!id || !type || !source || !subject || time === undefined || !isTime(time)) return undefined
  const chain = chainOf(headers)
  if (chain === undefined && (headers['ce_run'] ?? headers['ce_seq'] ?? headers['ce_prev']) !== undefined)
    return undefined
  const traceparent = decoded(headers['traceparent'])
  const causationId = decoded(headers['ce_causationid'])
  const correlationId = decoded(headers['ce_correlationid'])
  return {
    id,
    type,
    source,
    subject,
    time,
    ...(chain && { chain }),
    ...(traceparent && { traceparent }),
    ...(causationId && { causationId }),
    ...(correlationId && { correlationId }),
    ...(isInteractive(headers) && { interactive: true }),
  }
}

/** Whether `fromHeaders` gives an envelope: what a reader must know of each record, where few ask for the envelope. */
export function isEnvelope(headers: Headers): boolean {
  if (headers['ce_specversion'] !== '1.0') return false
  if (!isDecodable(headers['ce_id']) || !isDecodable(headers['ce_type'])) return false
  if (!isDecodable(headers['ce_source']) || !isDecodable(headers['ce_subject'])) return false
  const time = decoded(headers['ce_time'])
  if (time === undefined || !isTime(time)) return false
  if ((headers['ce_run'] ?? headers['ce_seq'] ?? headers['ce_prev']) === undefined) return true
  return chainOf(headers) !== undefined
}

/** Of a submission: its run is carried out where it was asked; of older ones only their data says so. */
export function isInteractive(headers: Headers): boolean {
  return headers['ce_interactive'] === 'true'
}

/** The place in a run's chain, without looking at the rest; undefined when there is none or it makes no sense. */
export function chainOf(headers: Headers): Link | undefined {
  const run = decoded(headers['ce_run'])
  const prev = decoded(headers['ce_prev'] ?? '')
  const digits = headers['ce_seq']
  if (!run || prev === undefined || digits === undefined) return undefined
  const seq = Number(digits)
  if (!Number.isSafeInteger(seq) || seq < -1 || String(seq) !== digits) return undefined
  return (prev === '') === seq <= 0 ? { run, seq, prev } : undefined
}

/** Space, quote, percent and whatever is not printable ASCII. */
const unsafe = /[^\x21-\x7e]|["%]/
const unsafeRuns = /(?:[^\x21-\x7e]|["%])+/g

function encoded(text: string): string {
  return unsafe.test(text) ? text.toWellFormed().replace(unsafeRuns, percentEncoded) : text
}

function percentEncoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex').toUpperCase().replace(/../g, '%$&')
}

function decoded(value: string | undefined): string | undefined {
  if (value === undefined || !value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}

function isDecodable(value: string | undefined): boolean {
  return value !== undefined && value !== '' && decoded(value) !== undefined
}

const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/** `2026-11-21T08:00:00.000Z`, as nearly every record has it, told without a parser: that took a tenth of a rebuild. */
const ownTimeForm = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

function isTime(time: string): boolean {
  return ownTimeForm.test(time) || (timeForm.test(time) && !Number.isNaN(Date.parse(time)))
}
