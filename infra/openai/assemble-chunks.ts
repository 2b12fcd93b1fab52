/**
 * The chunks of a stream put together: the chat completion that would have been answered without `stream`.
 *
 * Promise: linear. Any objects in, any order: texts are joined (V8 joins lazily, so a chunk costs its own
 * length), lists are appended, `tool_calls` go by their index, other values are the last one given. Fields this file has
 * never heard of are kept. Only what is nested deeper than the stack throws.
 */
import { isObject } from '#infra/http/model-failures.ts'
import { textOf } from './completion.ts'

export interface Assembly {
  add(chunk: Readonly<Record<string, unknown>>): void
  readonly choices: number
  /** Every choice seen has its `finish_reason`, and there is one. */
  readonly complete: boolean
  /** Text of the first choice. */
  content(): string
  finishReason(): string | undefined
  readonly usage: Readonly<Record<string, unknown>> | undefined
  completion(): string
}

type Fields = Record<string, unknown>

interface ToolCalls {
  /** In the order in which they began. */
  readonly begun: { readonly index: number; readonly call: Fields }[]
  /** What the next piece of an index, or of an id without one, belongs to. */
  readonly open: Map<unknown, Fields>
}

interface Choice {
  readonly message: Fields
  readonly toolCalls: ToolCalls
  readonly fields: Fields
  finishReason: string | undefined
}

/** Told once and whole, though servers may repeat them. */
const toldWhole = new Set(['role', 'id', 'type', 'name', 'index', 'format', 'signature'])

export function assembleChunks(): Assembly {
  const head = fields()
  const choices = new Map<unknown, Choice>()
  let usage: Fields | undefined
  const first = () => choices.get(0) ?? inOrder(choices)[0]?.[1]
  return {
    add(chunk) {
      for (const key in chunk) {
        const value = chunk[key]
        if (key === 'choices') addChoices(choices, value)
        else if (key === 'usage') usage = isObject(value) ? value : usage
        else if (value !== null || !(key in head)) head[key] = value
      }
    },
    get choices() {
      return choices.size
    },
    get complete() {
      return choices.size > 0 && [...choices.values()].every(({ finishReason }) => finishReason !== undefined)
    },
    content: () => textOf(first()?.message['content']) ?? '',
    finishReason: () => first()?.finishReason,
    get usage() {
      return usage
    },
    completion: () =>
      JSON.stringify({
        ...head,
        object: 'chat.completion',
        choices: inOrder(choices).map(([index, choice]) => ({ index, ...finished(choice) })),
        ...(usage !== undefined && { usage }),
      }),
  }
}

function addChoices(choices: Map<unknown, Choice>, given: unknown): void {
  if (!Array.isArray(given)) return
  for (const [place, one] of given.entries()) {
    if (!isObject(one)) continue
    const index = typeof one['index'] === 'number' ? one['index'] : place
    let choice = choices.get(index)
    if (choice === undefined) {
      choice = {
        message: fields(),
        toolCalls: { begun: [], open: new Map() },
        fields: fields(),
        finishReason: undefined,
      }
      choices.set(index, choice)
    }
    addChoice(choice, one)
  }
}

function addChoice(choice: Choice, given: Fields): void {
  for (const key in given) {
    const value = given[key]
    if (key === 'delta' || key === 'message') {
      if (isObject(value)) addDelta(choice, value)
    } else if (key === 'finish_reason') {
      if (typeof value === 'string') choice.finishReason = value
    } else if (key !== 'index') {
      // `logprobs` is `{content: […], refusal: […]}`; what else stands here is said once.
      if (key === 'logprobs') merge(choice.fields, key, value)
      else if (value !== null || !(key in choice.fields)) choice.fields[key] = value
    }
  }
}

function addDelta({ message, toolCalls }: Choice, delta: Fields): void {
  for (const key in delta) {
    const value = delta[key]
    if (key === 'tool_calls') addToolCalls(toolCalls, value)
    else merge(message, key, value)
  }
}

/**
 * A call without an index is a whole one of its own, unless its id has been seen. Gemini tells calls made at once with the
 * same index: another id beside a name is another call.
 */
function addToolCalls({ begun, open }: ToolCalls, given: unknown): void {
  if (!Array.isArray(given)) return
  for (const one of given) {
    if (!isObject(one)) continue
    const { index, ...rest } = one
    const key = typeof index === 'number' ? index : typeof one['id'] === 'string' ? one['id'] : undefined
    let call = open.get(key)
    if (call === undefined || key === undefined || isAnother(call, one)) {
      call = fields()
      open.set(key, call)
      begun.push({ index: typeof index === 'number' ? index : Number.MAX_VALUE, call })
    }
    for (const field in rest) merge(call, field, rest[field])
  }
}

function isAnother(call: Fields, { id, function: called }: Fields): boolean {
  const named = isObject(called) && typeof called['name'] === 'string' && called['name'] !== ''
  return named && typeof id === 'string' && id !== '' && typeof call['id'] === 'string' && call['id'] !== id
}

/**
 * One more piece of a field: texts join, lists append, objects merge, null takes nothing away. What was parsed is ours
 * alone, so it grows where it is.
 */
function merge(into: Fields, key: string, value: unknown): void {
  if (key === '__proto__') return
  const before = into[key]
  if (value === null || value === undefined) {
    if (before === undefined) into[key] = null
  } else if (before === undefined || before === null) {
    into[key] = value
  } else if (typeof value === 'string') {
    if (Array.isArray(before)) before.push({ type: 'text', text: value })
    else if (typeof before !== 'string') into[key] = value
    else if (!toldWhole.has(key)) into[key] = before + value
    else if (value !== '') into[key] = value
  } else if (Array.isArray(value)) {
    if (Array.isArray(before)) for (const one of value) before.push(one)
    else if (typeof before === 'string' && before !== '')
      into[key] = [{ type: 'text', text: before } as unknown].concat(value)
    else into[key] = value
  } else if (isObject(value) && isObject(before)) {
    for (const field in value) merge(before, field, value[field])
  } else {
    into[key] = value
  }
}

function finished({ message, toolCalls, fields, finishReason }: Choice): Fields {
  const calls = toolCalls.begun.sort((a, b) => a.index - b.index).map(({ call }) => call)
  return {
    message: { role: 'assistant', content: null, ...message, ...(calls.length > 0 && { tool_calls: calls }) },
    ...fields,
    finish_reason: finishReason ?? null,
  }
}

/** By index; what has none keeps its place after those. */
function inOrder<Value>(map: ReadonlyMap<unknown, Value>): [unknown, Value][] {
  const place = (key: unknown) => (typeof key === 'number' ? key : Number.MAX_VALUE)
  return [...map].sort(([a], [b]) => place(a) - place(b))
}

/** Without a prototype, so that a field of any name is a field. */
function fields(): Fields {
  return Object.create(null) as Fields
}
