/**
 * `json_schema`: the answer's JSON against a schema of the request (`{"schema": …}`; JSON Schema 2020-12, or draft-07
 * where it says so).
 *
 * Promise: a schema that can't be judged by is `request.invalid` before anything is asked. Schemas are hostile: they are
 * small, refer to nothing outside themselves, and whatever they do to the machine, compiling and judging end within their
 * time. A keyword or format nobody knows is refused: misspelt, it would judge nothing.
 */
import { createHash } from 'node:crypto'
import { Failure } from '#processors/ports/failure.ts'
import { compileSchema, type CompiledSchema } from './compile-schema.ts'
import { extractJson } from './extract-json.ts'
import { finding } from './finding.ts'
import { inTime } from './in-time.ts'
import type { Finding, Validator, ValidatorOptions } from './validator.ts'

export const jsonSchema: Validator = {
  check: (options) => void compiled(options),
  judge(answer, options) {
    const schema = compiled(options)
    const read = valueOf(answer)
    if (read === undefined) return [finding('Syntax', 'no-json', "your response wasn't valid JSON")]
    const passed = inTime(judgeMs, () => schema(read.value) === true)
    if (passed === undefined) {
      for (const [key, one] of cache) if (one === schema) cache.delete(key)
      return [finding('Infrastructure', 'schema-too-slow', `judging by this schema took longer than ${judgeMs} ms`)]
    }
    if (passed) return []
    const errors = (schema.errors ?? []).slice(0, 20)
    return errors.length === 0 ? [finding('Schema', 'refused', 'it does not fit the schema')] : errors.map(asFinding)
  },
}

const judgeMs = 500
const longestSchema = 64 * 1024
const mostCompiled = 64

/** Most recently used last. */
const cache = new Map<string, CompiledSchema>()

function compiled(options: ValidatorOptions): CompiledSchema {
  const schema = Object.hasOwn(options, 'schema') ? options['schema'] : undefined
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema)))
    throw new Failure('request.invalid', 'json_schema needs a schema, which is an object')
  const text = JSON.stringify(schema)
  if (text.length > longestSchema)
    throw new Failure('request.invalid', `the schema has more than ${longestSchema} characters`)
  const key = createHash('sha256').update(text).digest('base64')
  const known = cache.get(key)
  cache.delete(key)
  // From its text: whoever holds the object can't change what was compiled.
  const validate = known ?? compileSchema(JSON.parse(text) as object | boolean)
  cache.set(key, validate)
  for (const oldest of cache.keys()) if (cache.size > mostCompiled) cache.delete(oldest)
  return validate
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
