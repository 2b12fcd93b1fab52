/**
 * Which texts of an event may be kept in the objects instead (claim check): those whose schema is `string | ObjectRef`.
 *
 * Promise: read from the newest schema, wherever in it they stand; nobody lists them by hand.
 */
import type { EventType } from '#schemas/catalog.ts'
import type { EventData, ObjectRef } from '#schemas/generated.ts'
import { branchesOf, isObjectRef, isRecord, schemaOf, type Schema } from './schema.ts'

type Claimed = string | ObjectRef

export function hasClaimable(type: EventType): boolean {
  return mapperOf(type) !== undefined
}

/** The data with each claimable text or reference replaced by what `replace` gives; the very same where nothing changes. */
export function mapClaimable<Type extends EventType>(
  type: Type,
  data: EventData[Type],
  replace: (value: Claimed) => Claimed,
): EventData[Type] {
  const map = mapperOf(type)
  return map === undefined ? data : (map(data, replace) as EventData[Type])
}

/** Goes through a value of one schema; undefined where no value of that schema holds a claimable text. */
type Mapper = (value: unknown, replace: (value: Claimed) => Claimed) => unknown

const mappers = new Map<EventType, Mapper | undefined>()

function mapperOf(type: EventType): Mapper | undefined {
  if (!mappers.has(type)) mappers.set(type, mapper(schemaOf(type)))
  return mappers.get(type)
}

function mapper(schema: Schema): Mapper | undefined {
  const branches = branchesOf(schema)
  if (branches.includes('string') && branches.some(isObjectRef)) {
    return (value, replace) => (value === null || value === undefined ? value : replace(value as Claimed))
  }
  const [only, another] = branches
  if (another !== undefined || only === undefined || typeof only === 'string' || !('type' in only)) return undefined
  if (isRecord(only)) return recordMapper(only.fields.map(({ name, type }) => [name, mapper(type)]))
  if (only.type === 'array') return arrayMapper(mapper(only.items))
  return only.type === 'map' ? mapMapper(mapper(only.values)) : undefined
}

function recordMapper(fields: readonly (readonly [string, Mapper | undefined])[]): Mapper | undefined {
  const claimable = fields.flatMap(([name, map]) => (map === undefined ? [] : [{ name, map }]))
  if (claimable.length === 0) return undefined
  return (value, replace) => {
    if (!isObject(value)) return value
    let changed: Record<string, unknown> | undefined
    for (const { name, map } of claimable) {
      const after = map(value[name], replace)
      if (after === value[name]) continue
      changed ??= { ...value }
      changed[name] = after
    }
    return changed ?? value
  }
}

function arrayMapper(items: Mapper | undefined): Mapper | undefined {
  if (items === undefined) return undefined
  return (value, replace) => (Array.isArray(value) ? value.map((item: unknown) => items(item, replace)) : value)
}

function mapMapper(values: Mapper | undefined): Mapper | undefined {
  if (values === undefined) return undefined
  return (value, replace) =>
    isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, values(entry, replace)]))
      : value
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
