/**
 * An event's way to bytes and back, on one core: codec, headers, columns, redaction, claim check.
 *
 * Floor of the codec: avsc by itself on the same data, without ids, limits on lengths or checks of text.
 */
import { randomUUID } from 'node:crypto'
import avsc from 'avsc'
import { createClaimCheck } from '#processors/journal/claim-check.ts'
import { createRedactor } from '#processors/journal/redact.ts'
import type { Objects } from '#processors/ports/objects.ts'
import type { Envelope } from '#schemas/event.ts'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import type { AttemptCompleted } from '#schemas/generated.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import { rowOf } from '#schemas/wire/columns.ts'
import { chainOf, fromHeaders, toHeaders } from '#schemas/wire/headers.ts'
import { median, type Measure, type Row } from './row.ts'

const type = 'attempt.completed'

export const measure: Measure = async ({ quick }) => {
  const laps = quick ? 1 : 5
  const lapMs = quick ? 20 : 400
  const codec = await openCodec(catalogSchemaIds())
  const plain = avsc.Type.forSchema(JSON.parse(schemaVersions[type].at(-1) ?? '') as avsc.Schema)
  const events = Array.from({ length: 100 }, someAnswer)
  const values = events.map((data) => codec.encode(type, data))
  const bodies = events.map((data) => plain.toBuffer(data))
  const payloadBytes = Math.round(values.reduce((sum, { length }) => sum + length, 0) / values.length)
  const envelopes = events.map(someEnvelope)
  const headers = envelopes.map(toHeaders)
  const redactor = createRedactor(Array.from({ length: 6 }, () => `key-${randomUUID()}`))
  const claimCheck = createClaimCheck({ objects: {} as Objects, thresholdBytes: 256 * 1024 })
  const prose = 'What does this project do, and for whom? It runs small-model work.\n'.repeat(150)

  const works = {
    plainEncode: over(events, (data) => plain.toBuffer(data)),
    encode: over(events, (data) => codec.encode(type, data)),
    plainDecode: over(bodies, (body) => plain.fromBuffer(body) as unknown),
    decode: over(values, (value) => codec.decode(type, value)),
    toHeaders: over(envelopes, toHeaders),
    fromHeaders: over(headers, fromHeaders),
    chainOf: over(headers, chainOf),
    rowOf: over(events, (data) => rowOf(type, data)),
    redactEvent: over(events, (data) => redactor.redactData(data)),
    redactProse: over([prose], (text) => redactor.redact(text)),
    claimNeeded: over(events, (data) => claimCheck.needed(type, data)),
  }
  const rates = ratesInTurns(works, { laps, lapMs })

  const each = { unit: 'events/s', payloadBytes } as const
  const rows: Row[] = [
    { ...each, figure: 'codec encode', floor: rates.plainEncode, ours: rates.encode, target: { atLeast: 500_000 } },
    { ...each, figure: 'codec decode', floor: rates.plainDecode, ours: rates.decode, target: { atLeast: 700_000 } },
    { ...each, figure: 'headers write', ours: rates.toHeaders },
    { ...each, figure: 'headers read', ours: rates.fromHeaders },
    { ...each, figure: 'headers chain alone', ours: rates.chainOf },
    { ...each, figure: 'columns of a row', ours: rates.rowOf, target: { atLeast: 400_000 } },
    { ...each, figure: 'redact an event', ours: rates.redactEvent, note: '6 secrets by value' },
    { ...each, figure: 'claim check, nothing to claim', ours: rates.claimNeeded },
    {
      figure: 'redact prose',
      unit: 'MB/s',
      ours: (rates.redactProse * prose.length) / 1e6,
      payloadBytes: prose.length,
      note: '6 secrets by value',
    },
  ]
  return rows
}

/** Keeps results from being optimised away. */
let sink: unknown

function over<Item>(items: readonly Item[], work: (item: Item) => unknown): () => number {
  return () => {
    for (const item of items) sink = work(item)
    return items.length
  }
}

/** Each once a lap; the median of the laps, a second. */
function ratesInTurns<Name extends string>(
  works: Readonly<Record<Name, () => number>>,
  { laps, lapMs }: { readonly laps: number; readonly lapMs: number },
): Record<Name, number> {
  const names = Object.keys(works) as Name[]
  const seen = new Map(names.map((name) => [name, [] as number[]]))
  for (let lap = 0; lap <= laps; lap++) {
    for (const name of names) {
      const rate = rateOf(works[name], lapMs)
      if (lap > 0) seen.get(name)?.push(rate) // the first lap warms up
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(seen.get(name) ?? [])])) as Record<Name, number>
}

function rateOf(work: () => number, lapMs: number): number {
  const began = performance.now()
  let count = 0
  while (performance.now() - began < lapMs) count += work()
  if (sink === measure) throw new Error('unreachable')
  return (count / (performance.now() - began)) * 1000
}

function someAnswer(): AttemptCompleted {
  const id = randomUUID()
  const content = 'This project runs small-model work and remembers all of it, for teams who want to know.'
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }
  return {
    attempt: 1,
    provider: 'groq',
    model: 'llama-3.3-70b-versatile',
    content,
    raw: JSON.stringify({ id, choices: [choice], usage: { prompt_tokens: 412, completion_tokens: 33 } }),
    finishReason: 'stop',
    promptTokens: 412,
    completionTokens: 33,
    usageEstimated: false,
    costMicroUsd: 1234,
    requestId: `req_${id.slice(0, 8)}`,
    durationMs: 812.25,
  }
}

function someEnvelope(): Envelope {
  const run = randomUUID()
  return {
    id: randomUUID(),
    type,
    source: '/lattice/worker/4711',
    subject: run,
    time: new Date().toISOString(),
    chain: { run, seq: 4, prev: randomUUID() },
    causationId: randomUUID(),
  }
}
