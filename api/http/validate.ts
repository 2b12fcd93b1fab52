import { Type } from 'typebox'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Failure } from '#processors/ports/failure.ts'

/**
 * Requests against the schemas of their routes.
 *
 * Promise: a body is never changed to fit; a query's text becomes a number or a boolean only where it is one, and
 * defaults are filled in. A refusal names the field and never quotes its value.
 */
interface RouteSchema {
  readonly schema: Schema
  readonly httpPart?: string
}

type Schema = Readonly<Record<string, unknown>> & { readonly properties?: Readonly<Record<string, Schema>> }

export function compileValidator({
  schema,
  httpPart = 'body',
}: RouteSchema): (value: unknown) => { value: unknown } | { error: Error } {
  const check = Compile(schema)
  return (given) => {
    const value = httpPart === 'body' ? given : fromText(schema, given as Readonly<Record<string, unknown>>)
    if (check.Check(value)) return { value }
    return { error: new Failure('request.invalid', explain(check.Errors(value), { part: httpPart, schema })) }
  }
}

/** Says in words what a field takes, where a refusal would else show a pattern. */
export function takes(words: string): { readonly 'x-takes': string } {
  return { 'x-takes': words }
}

/** A field of a query with a default: optional for who asks, always there for the route. */
export function defaulted<Field extends TSchema>(field: Field): Field {
  return Type.Optional(field)
}

function fromText({ properties = {} }: Schema, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const value: Record<string, unknown> = { ...given }
  for (const [name, schema] of Object.entries(properties)) {
    const text = value[name]
    if (text === undefined && schema['default'] !== undefined) value[name] = schema['default']
    if (typeof text === 'string') value[name] = readText(schema['type'], text)
  }
  return value
}

/** The value that a text is; the text itself where it is none, which the check then refuses. */
function readText(type: unknown, text: string): unknown {
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (type === 'number' && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** As TypeBox reports it. */
interface Finding {
  readonly keyword: string
  readonly instancePath: string
  readonly message: string
  readonly params: Readonly<Record<string, unknown>>
}

const mostNamed = 5

/** What is validated. */
interface Checked {
  readonly part: string
  readonly schema: Schema
}

function explain(findings: readonly Finding[], checked: Checked): string {
  const { part } = checked
  const unknown = new Map<string, string[]>()
  const sentences: string[] = []
  for (const finding of findings) {
    const stray = strayIn(finding)
    if (stray !== undefined) unknown.set(stray.where, [...(unknown.get(stray.where) ?? []), ...stray.names])
    else sentences.push(sentence(finding, checked))
  }
  for (const [where, names] of unknown) sentences.unshift(`${part}${shortened(where)} has no field ${named(names)}`)
  return [...new Set(sentences)].slice(0, mostNamed).join('; ') || `${part} is invalid`
}

/** Fields that a schema does not know: TypeBox names them together, and again each by itself. */
function strayIn({ keyword, instancePath, params }: Finding): { where: string; names: readonly string[] } | undefined {
  if (keyword === 'additionalProperties')
    return { where: instancePath, names: params['additionalProperties'] as string[] }
  if (keyword !== 'boolean') return undefined
  const end = instancePath.lastIndexOf('/')
  return { where: instancePath.slice(0, end), names: [instancePath.slice(end + 1)] }
}

function sentence({ keyword, instancePath, message, params }: Finding, { part, schema }: Checked): string {
  const where = `${part}${shortened(instancePath)}`
  const words = ofText.has(keyword) ? schema.properties?.[instancePath.slice(1)]?.['x-takes'] : undefined
  if (typeof words === 'string') return `${where} must be ${words}`
  if (keyword === 'pattern') return `${where} has not the form it must have`
  if (keyword === 'minLength' && params['limit'] === 1) return `${where} must not be empty`
  if (keyword === 'required') return `${where} needs ${named(params['requiredProperties'] as string[])}`
  if (keyword === 'enum') return `${where} is one of ${named(params['allowedValues'] as string[], 40)}`
  return `${where} ${message}`
}

const ofText = new Set(['pattern', 'minLength', 'maxLength'])

function named(names: readonly string[], most = mostNamed): string {
  const distinct = [...new Set(names)]
  const shown = distinct.slice(0, most).map((name) => `'${shortened(name)}'`)
  return shown.join(', ') + (distinct.length > most ? ' and more' : '')
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80).toWellFormed()}…` : text
}
