/**
 * One chat through the whole server before faulty model servers, and whether what the client saw, what the log says and
 * what was really asked are the same story.
 *
 * Waits between tries pass a hundred times as fast, and a call may take half a second; nothing else is changed.
 */
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { expect } from 'vitest'
import { z } from 'zod'
import type { Lattice } from '#processors/start.ts'
import type { Serving } from '#test/api/http/serving.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import type { Fault } from '#test/fakes/openai-faults.ts'
import { eventually } from '#test/contracts/eventually.ts'

export interface Scenario {
  readonly faults: readonly Fault[]
  readonly stream: boolean
  readonly providers: 1 | 2
  /** The client goes once it has had this many events, or once a model was asked; undefined: it stays. */
  readonly leavesAfter: number | undefined
}

export interface Recorded {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

/** What the client saw until it went or all was said. */
interface Seen {
  readonly status: number | undefined
  readonly headers: Headers
  /** Of an answer that is no stream. */
  readonly body: string | undefined
  /** Data of a stream's events. */
  readonly events: readonly string[]
  readonly left: boolean
}

const said = z.string().nullish()
const Completion = z.object({
  object: z.literal('chat.completion'),
  choices: z.array(z.object({ message: z.object({ role: z.literal('assistant'), content: said }) })).min(1),
})
const Chunk = z.object({
  choices: z.array(z.object({ index: z.number(), delta: z.object({ content: said }) })),
})
const Failed = z.object({
  error: z.object({ message: z.string().min(1), type: z.string(), param: z.null(), code: z.string() }),
})

/** Whoever waits for a while waits a hundredth of it, and nobody waits long for a model. */
export function hurried(lattice: Lattice): Lattice {
  const { clock, settings } = lattice.given
  const hurry = { ...clock, sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms / 100, signal) }
  const impatient = { ...settings, attemptTimeoutMs: 500 }
  return { ...lattice, given: { ...lattice.given, clock: hurry, settings: impatient } }
}

export async function holds(scenario: Scenario, server: Serving, fakes: readonly FakeOpenAi[]): Promise<void> {
  await wakeAll(server, fakes)
  // One script for both: the first takes the first half of the faults, and the second the rest.
  const half = scenario.providers === 1 ? scenario.faults.length : Math.ceil(scenario.faults.length / 2)
  fakes[0]?.script(...scenario.faults.slice(0, half))
  fakes[1]?.script(...scenario.faults.slice(half))

  const seen = await ask(scenario, server, fakes)
  const runId = await newestRun(server)
  const events = await eventsOf(server, runId)
  const story = JSON.stringify({ scenario, seen, events }, null, 1)

  const types = events.map(({ type }) => letters[type] ?? '?').join('')
  expect(types, story).toMatch(/^SR(A[CF]W?)*X?D$/)
  const calls = fakes.reduce((sum, { callCount }) => sum + callCount, 0)
  const started = events.filter(({ type }) => type === 'attempt.started').length
  // A client that goes between the attempt's start and its request may leave a request that no server has read.
  expect([started, ...(seen.left && wasUnanswered(events) ? [started - 1] : [])], story).toContain(calls)
  const end = events.at(-1)?.data ?? {}
  expect(end['attempts'], story).toBe(started)

  if (seen.left) expect(['cancelled', 'accepted', 'failed'], story).toContain(end['outcome'])
  else if (seen.body === undefined) streamIsTold(seen, events, story)
  else wholeIsTold(seen, events, story)
  deliveredIsTold(seen, events, story)
}

const letters: Readonly<Record<string, string>> = {
  'task.submitted': 'S',
  'run.started': 'R',
  'attempt.started': 'A',
  'attempt.completed': 'C',
  'attempt.failed': 'F',
  'run.waited': 'W',
  'task.cancelled': 'X',
  'run.completed': 'D',
}

/** A provider that answered is not left alone, whatever it did before. */
async function wakeAll(server: Serving, fakes: readonly FakeOpenAi[]): Promise<void> {
  for (const [at, fake] of fakes.entries()) {
    fake.reset()
    const body = JSON.stringify({
      model: `${at === 0 ? 'openai' : 'groq'}/m`,
      messages: [{ role: 'user', content: '?' }],
    })
    const awake = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect(awake.status, await awake.text()).toBe(200)
    known.add(awake.headers.get('x-request-id') ?? '')
    fake.reset()
  }
}

async function ask(
  { stream, providers, leavesAfter }: Scenario,
  server: Serving,
  fakes: readonly FakeOpenAi[],
): Promise<Seen> {
  const leave = new AbortController()
  const events: string[] = []
  let [status, headers, body]: [number | undefined, Headers, string | undefined] = [undefined, new Headers(), undefined]
  if (leavesAfter === 0) {
    const asked = () => fakes.some(({ callCount }) => callCount > 0)
    void eventually('nobody is asked', asked).then(() => leave.abort())
  }
  try {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: providers === 1 ? 'openai/m' : 'lattice/default',
        messages: [{ role: 'user', content: 'Where are you?' }],
        stream,
      }),
      signal: leave.signal,
    })
    ;({ status, headers } = response)
    if (response.headers.get('content-type') !== 'text/event-stream' || response.body === null) {
      body = await response.text()
      return { status, headers, body, events, left: false }
    }
    const parsed = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
    for await (const { data } of parsed) {
      events.push(data)
      if (events.length === leavesAfter) leave.abort()
    }
    return { status, headers, body, events, left: false }
  } catch (error) {
    if (!leave.signal.aborted) throw error
    return { status, headers, body, events, left: true }
  }
}

function wholeIsTold({ status, headers, body = '' }: Seen, events: readonly Recorded[], story: string): void {
  const end = events.at(-1)?.data ?? {}
  if (status === 200) {
    const { choices } = Completion.parse(JSON.parse(body))
    expect(end['outcome'], story).toBe('accepted')
    expect(choices[0]?.message.content ?? '', story).toBe(completed(events)?.['content'])
    return
  }
  const { error } = Failed.parse(JSON.parse(body))
  expect(end['outcome'], story).toBe('failed')
  expect(headers.get('x-should-retry'), story).toBe('false')
  expect(status, story).toBeGreaterThanOrEqual(400)
  const last = events.findLast(({ type }) => type === 'attempt.failed')?.data
  expect(error.code, story).toBe(last?.['code'])
}

function streamIsTold({ status, events: given }: Seen, events: readonly Recorded[], story: string): void {
  const end = events.at(-1)?.data ?? {}
  expect(status, story).toBe(200)
  if (given.at(-1) === '[DONE]') {
    expect(end['outcome'], story).toBe('accepted')
    expect(textOf(given.slice(0, -1)), story).toBe(completed(events)?.['content'])
    return
  }
  const { error } = Failed.parse(JSON.parse(given.at(-1) ?? ''))
  const last = events.findLast(({ type }) => type === 'attempt.failed')?.data
  expect(error.code, story).toBe(last?.['code'])
  expect(end, story).toMatchObject({ outcome: 'failed', reason: last?.['code'] })
}

/** Of a call that failed after its first byte had gone out: what went out is what the log has of it, and nothing followed. */
function deliveredIsTold({ events: given, left, status }: Seen, events: readonly Recorded[], story: string): void {
  const failures = events.filter(({ type }) => type === 'attempt.failed').map(({ data }) => data)
  const delivered = failures.filter((one) => one['delivered'] === true)
  const chunks = given.filter((data) => data !== '[DONE]' && !data.startsWith('{"error"'))
  const accepted = completed(events) !== undefined
  if (chunks.length > 0 && !accepted) expect(delivered, story).toHaveLength(1)
  if (delivered.length === 0) return
  expect(delivered, story).toEqual([failures.at(-1)])
  if (status !== undefined) expect(status, story).toBe(200)
  const recorded = dataIn(String(delivered[0]?.['raw']))
  if (left) expect(recorded.slice(0, chunks.length), story).toEqual(chunks)
  else expect(recorded.filter(isChunk).slice(0, chunks.length), story).toEqual(chunks)
}

/** Whether the last call was cancelled before a byte of an answer. */
function wasUnanswered(events: readonly Recorded[]): boolean {
  const last = events.findLast(({ type }) => type === 'attempt.completed' || type === 'attempt.failed')?.data
  return last?.['code'] === 'cancelled' && last['raw'] === '' && last['httpStatus'] === null
}

function completed(events: readonly Recorded[]): Recorded['data'] | undefined {
  return events.find(({ type }) => type === 'attempt.completed')?.data
}

function textOf(chunks: readonly string[]): string {
  return chunks
    .flatMap((data) => Chunk.parse(JSON.parse(data)).choices)
    .map(({ index, delta }) => (index === 0 ? (delta.content ?? '') : ''))
    .join('')
}

function isChunk(data: string): boolean {
  try {
    return Chunk.safeParse(JSON.parse(data)).success
  } catch {
    return false
  }
}

/** The data of the events of a recorded body, read without a parser of ours. */
function dataIn(raw: string): string[] {
  return raw
    .replace(/^\uFEFF/, '')
    .split(/(?:\r\n|\r|\n){2}/)
    .map((event) =>
      event
        .split(/\r\n|\r|\n/)
        .flatMap((line) => (line.startsWith('data:') ? [line.slice(line.startsWith('data: ') ? 6 : 5)] : []))
        .join('\n'),
    )
    .filter((data) => data !== '')
}

/** The runs before: a list is a moment behind, and would tell one of them again. */
const known = new Set<string>()

async function newestRun(server: Serving): Promise<string> {
  let run: { runId: string; status: string } | undefined
  await eventually(
    () => `the run does not end: ${JSON.stringify(run)}`,
    async () => {
      run = ((await (await fetch(`${server.url}/v1/runs?limit=1`)).json()) as { runs: (typeof run)[] }).runs[0]
      return run?.status === 'done' && !known.has(run.runId)
    },
    { deadlineMs: 10_000 },
  )
  known.add(run?.runId ?? '')
  return run?.runId ?? ''
}

async function eventsOf(server: Serving, runId: string): Promise<readonly Recorded[]> {
  const { events } = (await (await fetch(`${server.url}/v1/runs/${runId}/events`)).json()) as { events: Recorded[] }
  return events
}
