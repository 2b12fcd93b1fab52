/**
 * The thread in which foreign schemas are compiled and answers judged by them, one question at a time.
 *
 * Promise: whatever a schema does to the machine (a pattern that backtracks, references that double, code without end), it
 * does it here: each question ends within the time it names, but for the one that is then told to be slow.
 */
import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { isFailure } from '#processors/ports/failure.ts'
import { compileSchema, type CompiledSchema } from './compile-schema.ts'
import { extractJson } from './extract-json.ts'
import { finding } from './finding.ts'
import { inTime } from './in-time.ts'
import type { Finding } from './validator.ts'

export interface SchemaQuestion {
  /** JSON. */
  readonly schema: string
  /** Undefined asks whether the schema can be judged by at all. */
  readonly answer: string | undefined
  /** For compiling and for judging. */
  readonly ms: number
}

export type SchemaAnswer =
  | { readonly findings: readonly Finding[] }
  /** In the compiler's words, for `request.invalid`. */
  | { readonly refused: string; readonly remedy: string }
  | { readonly slow: 'compiling' | 'judging' }

const mostCompiled = 64
/** Most recently used last. */
const cache = new Map<string, CompiledSchema>()

function answerTo({ schema: text, answer, ms }: SchemaQuestion): SchemaAnswer {
  const key = createHash('sha256').update(text).digest('base64')
  try {
    const schema = cache.get(key) ?? compileSchema(JSON.parse(text) as object | boolean, ms)
    if (schema === undefined) return { slow: 'compiling' }
    cache.delete(key)
    cache.set(key, schema)
    for (const oldest of cache.keys()) if (cache.size > mostCompiled) cache.delete(oldest)
    if (answer === undefined) return { findings: [] }
    const read = valueOf(answer)
    if (read === undefined) return { findings: [finding('Syntax', 'no-json', "your response wasn't valid JSON")] }
    const passed = inTime(ms, () => schema(read.value) === true)
    if (passed === undefined) {
      cache.delete(key)
      return { slow: 'judging' }
    }
    return { findings: passed ? [] : findingsOf(schema) }
  } catch (error) {
    if (isFailure(error, 'request.invalid')) return { refused: error.message, remedy: error.remedy }
    throw error
  }
}

/** Unlike elsewhere a bare number or text is an answer as well. */
function valueOf(answer: string): { readonly value: unknown } | undefined {
  const found = extractJson(answer)
  if (found !== undefined) return found
  try {
    const value: unknown = JSON.parse(answer)
    return typeof value === 'object' && value !== null ? undefined : { value }
  } catch {
    return undefined
  }
}

function findingsOf({ errors }: CompiledSchema): readonly Finding[] {
  const found = (errors ?? []).slice(0, 20).map(asFinding)
  return found.length === 0 ? [finding('Schema', 'refused', 'it does not fit the schema')] : found
}

function asFinding(error: NonNullable<CompiledSchema['errors']>[number]): Finding {
  const { keyword, instancePath, message = 'does not fit', params } = error
  const { additionalProperty } = params as Readonly<Record<string, unknown>>
  const named = typeof additionalProperty === 'string' ? additionalProperty : allowedOf(params)
  const more = named === undefined ? '' : ` (${named.slice(0, 200)})`
  return { ...finding('Schema', keyword, `${instancePath.slice(0, 200)} ${message}${more}`.trim()), path: instancePath }
}

function allowedOf(params: Readonly<Record<string, unknown>>): string | undefined {
  const allowed = params['allowedValues']
  return Array.isArray(allowed)
    ? allowed
        .slice(0, 20)
        .map((one) => JSON.stringify(one))
        .join(', ')
    : undefined
}

const port = parentPort
if (port === null) throw new Error('this file runs as a thread')
port.on('message', (question: SchemaQuestion) => port.postMessage(answerTo(question)))
