/**
 * Holds an answer against the OpenAPI document of the server that gave it.
 *
 * Promise: a status, a type, a header or a field that the document does not name is an error, and so is a value its
 * schema refuses.
 */
import Schema from 'typebox/schema'

export interface OpenApi {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>> }
}

export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly requestBody?: unknown
  readonly responses: Readonly<Record<string, Documented>>
}

interface Documented {
  readonly description: string
  readonly content?: Readonly<Record<string, { readonly schema: Json }>>
  readonly headers?: Readonly<Record<string, unknown>>
}

type Json = Readonly<Record<string, unknown>>

export interface Given {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** What the document does not say of the answer; empty where it says all of it. */
export function undocumented(document: OpenApi, { method, path, status, headers, text }: Given): readonly string[] {
  const operation = operationFor(document, method === 'HEAD' ? 'GET' : method, path)
  if (operation === undefined)
    return status === 404 || status === 405 || status === 401 || status === 403 ? [] : [`no ${method} ${path}`]
  const said = operation.responses[status]
  if (said === undefined) return [`${operation.operationId}: status ${status}`]
  const wrong: string[] = []
  for (const name of ['location', 'x-lattice-position', 'idempotency-replayed']) {
    if (headers.has(name) && said.headers?.[name] === undefined) wrong.push(`${operation.operationId}: header ${name}`)
  }
  if (text === '') return wrong
  const type = headers.get('content-type')?.split(';')[0] ?? ''
  const schema = said.content?.[type]?.schema
  if (schema === undefined) return [...wrong, `${operation.operationId}: ${status} as ${type}`]
  if (!type.includes('json')) return wrong
  return [...wrong, ...misfits(document, schema, JSON.parse(text))]
}

export function operationFor({ paths }: OpenApi, method: string, path: string): Operation | undefined {
  const wanted = path.split('?')[0]?.split('/') ?? []
  for (const [pattern, operations] of Object.entries(paths)) {
    const parts = pattern.split('/')
    const fits =
      parts.length === wanted.length && parts.every((part, at) => part === wanted[at] || part.startsWith('{'))
    if (fits) return operations[method.toLowerCase()]
  }
  return undefined
}

function misfits({ components }: OpenApi, schema: Json, value: unknown): readonly string[] {
  const whole = closed({ components, ...schema }) as Json
  const [, errors] = Schema.Errors(whole, value) as readonly [
    boolean,
    readonly { instancePath: string; message: string }[],
  ]
  return errors.slice(0, 5).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

/** Objects with named fields have no others here, though clients are told to expect them. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, closed(part)]))
  const fields = parts['properties']
  const named =
    parts['type'] === 'object' && typeof fields === 'object' && fields !== null && Object.keys(fields).length > 0
  return named && parts['additionalProperties'] === undefined ? { ...parts, additionalProperties: false } : parts
}
