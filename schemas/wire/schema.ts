/**
 * An Avro schema as data, for what is derived from schemas: types, tables, claimable fields.
 *
 * Promise: in what `readSchema` gives, every reference to a named type is that type's definition, so that a reader
 * meets primitives, unions and definitions alone. A schema that holds itself is refused: no table could hold it.
 */
import type { EventType } from '#schemas/catalog.ts'
import { schemaVersions } from '#schemas/generated-schemas.ts'

export type Schema = Primitive | readonly Schema[] | RecordSchema | EnumSchema | ArraySchema | MapSchema | FixedSchema
export type Primitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

export interface RecordSchema extends Named {
  readonly type: 'record'
  readonly fields: readonly FieldSchema[]
}

export interface FieldSchema {
  readonly name: string
  readonly type: Schema
  readonly doc?: string
}

export interface EnumSchema extends Named {
  readonly type: 'enum'
  readonly symbols: readonly string[]
}

export interface FixedSchema extends Named {
  readonly type: 'fixed'
  readonly size: number
}

export interface ArraySchema {
  readonly type: 'array'
  readonly items: Schema
}

export interface MapSchema {
  readonly type: 'map'
  readonly values: Schema
}

interface Named {
  readonly name: string
  readonly namespace?: string
  readonly doc?: string
}

/** The newest schema of an event type. */
export function schemaOf(type: EventType): RecordSchema {
  return readSchema(schemaVersions[type].at(-1) ?? '')
}

/** Reads an event's schema from JSON text. */
export function readSchema(text: string): RecordSchema {
  const schema = resolved(JSON.parse(text), { namespace: '', named: new Map() })
  if (!isRecord(schema)) throw new Error('an event is a record')
  return schema
}

export function isUnion(schema: Schema): schema is readonly Schema[] {
  return Array.isArray(schema)
}

export function isRecord(schema: Schema): schema is RecordSchema {
  return typeof schema === 'object' && 'type' in schema && schema.type === 'record'
}

/** The reference that stands for a value kept in the objects (claim check). */
export function isObjectRef(schema: Schema): boolean {
  return isRecord(schema) && schema.namespace === 'lattice' && schema.name === 'ObjectRef'
}

/** What a schema holds beside null. */
export function branchesOf(schema: Schema): readonly Schema[] {
  return isUnion(schema) ? schema.filter((branch) => branch !== 'null') : [schema]
}

interface Scope {
  readonly namespace: string
  /** By full name; 'open' while a definition is being read. */
  readonly named: Map<string, Schema | 'open'>
}

interface Definition {
  readonly type: unknown
  readonly name?: string
  readonly namespace?: string
  readonly fields?: readonly { readonly type: unknown }[]
  readonly items?: unknown
  readonly values?: unknown
}

const primitives = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])

function resolved(schema: unknown, scope: Scope): Schema {
  if (typeof schema === 'string') return primitives.has(schema) ? (schema as Primitive) : known(schema, scope)
  if (Array.isArray(schema)) return schema.map((branch: unknown) => resolved(branch, scope))
  const definition = schema as Definition
  if (definition.type === 'array') return { type: 'array', items: resolved(definition.items, scope) }
  if (definition.type === 'map') return { type: 'map', values: resolved(definition.values, scope) }
  if (definition.name === undefined) return resolved(definition.type, scope)

  const namespace = definition.namespace ?? scope.namespace
  const fullName = `${namespace}.${definition.name}`
  scope.named.set(fullName, 'open')
  const fields = definition.fields?.map((field) => ({ ...field, type: resolved(field.type, { ...scope, namespace }) }))
  const made = { ...definition, namespace, ...(fields && { fields }) } as RecordSchema | EnumSchema | FixedSchema
  scope.named.set(fullName, made)
  return made
}

function known(name: string, { namespace, named }: Scope): Schema {
  const found = named.get(name.includes('.') ? name : `${namespace}.${name}`)
  if (found === undefined) throw new Error(`there is no type ${name}`)
  if (found === 'open') throw new Error(`${name} holds itself`)
  return found
}
