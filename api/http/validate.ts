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

export function compileValidator({ schema, httpPart = 'body' }: RouteSchema): (value: unknown) => { value: unknown } | { error: Error } {
  const check = Compile(schema)
  return (given) => {
    const value = httpPart === 'body' ? given : fromText(schema, given as Readonly<Record<string, unknown>>)
    if (check.Check(value)) return { value }
    return { error: new Failure('request.invalid', explain(check.Errors(value) as readonly Finding[], httpPart)) }
  }
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

function explain(findings: readonly Finding[], part: string): string {
  const sentences = findings.slice(0, mostNamed).map((finding) => sentence(finding, part))
  return [...new Set(sentences)].join('; ') || `${part} is invalid`
}

function sentence({ keyword, instancePath, message, params }: Finding, part: string): string {
  const where = `${part}${shortened(instancePath)}`
  if (keyword === 'additionalProperties') return `${where} has no field ${namesIn(params['additionalProperties'])}`
  if (keyword === 'required') return `${where} needs ${namesIn(params['requiredProperties'])}`
  if (keyword === 'enum') return `${where} is one of ${namesIn(params['allowedValues'])}`
  return `${where} ${message}`
}

function namesIn(names: unknown): string {
  const all = Array.isArray(names) ? names.map(String) : [String(names)]
  const named = all.slice(0, mostNamed).map((name) => `'${shortened(name)}'`)
  return named.join(', ') + (all.length > mostNamed ? ` and ${all.length - mostNamed} more` : '')
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80).toWellFormed()}…` : text
}
