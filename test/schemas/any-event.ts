/**
 * Data of any event type, as a fast-check arbitrary made from the newest schema, so that laws are tried on all of them.
 */
import * as fc from 'fast-check'
import { eventTypes, type EventType } from '#schemas/catalog.ts'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import type { EventData } from '#schemas/generated.ts'

export interface AnyEvent {
  readonly type: EventType
  readonly data: EventData[EventType]
}

interface Named {
  readonly type: string
  readonly name?: string
  readonly namespace?: string
  readonly fields?: readonly { readonly name: string; readonly type: unknown }[]
  readonly symbols?: readonly string[]
  readonly items?: unknown
  readonly values?: unknown
}

/** Well-formed text with what breaks naive code: NUL, quotes, two-unit characters, a replacement character. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
  fc.constantFrom('', '\0', '\ufffd', '😀', 'it\'s "quoted"', 'ß'.repeat(80)),
)

const primitives: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  null: fc.constant(null),
  boolean: fc.boolean(),
  int: fc.integer().map((value) => value + 0),
  long: fc.maxSafeInteger(),
  double: fc.double({ noNaN: true }),
  bytes: fc.uint8Array({ maxLength: 40 }),
  string: anyText,
}

export function anyDataOf<Type extends EventType>(type: Type): fc.Arbitrary<EventData[Type]> {
  const schema: unknown = JSON.parse(schemaVersions[type].at(-1) ?? '')
  return anyOf(schema, new Map()) as fc.Arbitrary<EventData[Type]>
}

export const anyEvent: fc.Arbitrary<AnyEvent> = fc.oneof(
  ...eventTypes.map((type) => anyDataOf(type).map((data): AnyEvent => ({ type, data }))),
)

function anyOf(schema: unknown, named: Map<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> {
  if (typeof schema === 'string') {
    const made = primitives[schema] ?? named.get(schema.slice(schema.lastIndexOf('.') + 1))
    if (made === undefined) throw new Error(`no arbitrary for ${schema}`)
    return made
  }
  if (Array.isArray(schema)) return fc.oneof(...schema.map((branch: unknown) => anyOf(branch, named)))
  const definition = schema as Named
  const made = anyOfDefinition(definition, named)
  if (definition.name !== undefined) named.set(definition.name, made)
  return made
}

function anyOfDefinition(schema: Named, named: Map<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> {
  if (schema.type === 'enum') return fc.constantFrom(...(schema.symbols ?? []))
  if (schema.type === 'array') return fc.array(anyOf(schema.items, named), { maxLength: 4 })
  if (schema.type === 'map')
    return fc.dictionary(anyText, anyOf(schema.values, named), { maxKeys: 4, noNullPrototype: true })
  if (schema.type !== 'record') return anyOf(schema.type, named)
  const fields = (schema.fields ?? []).map(({ name, type }) => [name, anyOf(type, named)] as const)
  return fc.record(Object.fromEntries(fields), { noNullPrototype: true })
}
