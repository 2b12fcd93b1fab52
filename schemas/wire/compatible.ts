/**
 * Whether the newest version of an event reads every older one, and if not, why, in words.
 *
 * Promise (`schema.compatible`): what the codec would refuse is refused here: the verdict is that of the very resolvers
 * that decode. Backward and transitive, so a log of any age can be folded without its old readers.
 */
import type avsc from 'avsc'
import { avroType, type AvroType } from './avro.ts'

export interface Unreadable {
  /** The older version, from 1. */
  readonly version: number
  /** `ladder.name: was string, is int`, one each. */
  readonly reasons: readonly string[]
}

/** The older of `versions` (schemas as JSON text, oldest first) that the newest cannot read. */
export function unreadableVersions(versions: readonly string[]): readonly Unreadable[] {
  const newest = versions.at(-1)
  if (newest === undefined) return []
  return versions
    .slice(0, -1)
    .map((older, index) => ({ version: index + 1, reasons: whyUnreadable(newest, older) }))
    .filter(({ reasons }) => reasons.length > 0)
}

/** Why data written with one schema cannot be read with another; empty when it can. */
export function whyUnreadable(reader: string, writer: string): readonly string[] {
  return reasons(avroType(reader), avroType(writer, { wrapUnions: true }), '')
}

function reasons(reader: AvroType, writer: AvroType, path: string): string[] {
  if (canRead(reader, writer)) return []
  const inside = reasonsInside(reader, writer, path)
  return inside.length > 0 ? inside : [`${path || 'the event'}: was ${nameOf(writer)}, is ${nameOf(reader)}`]
}

function canRead(reader: AvroType, writer: AvroType): boolean {
  try {
    reader.createResolver(writer)
    return true
  } catch {
    return false
  }
}

function reasonsInside(reader: AvroType, writer: AvroType, path: string): string[] {
  if (isRecord(reader) && isRecord(writer) && reader.name === writer.name) {
    return reader.fields.flatMap((field) => fieldReasons(field, writer, path))
  }
  if (isEnum(reader) && isEnum(writer) && reader.name === writer.name) {
    const gone = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol))
    return gone.map((symbol) => `${path}: ${symbol} is no longer in ${nameOf(reader)}`)
  }
  if (isArray(reader) && isArray(writer)) return reasons(reader.itemsType, writer.itemsType, `${path}[]`)
  if (isMap(reader) && isMap(writer)) return reasons(reader.valuesType, writer.valuesType, `${path}{}`)
  return unionReasons(reader, writer, path)
}

function fieldReasons(field: avsc.types.Field, writer: avsc.types.RecordType, path: string): string[] {
  const at = path === '' ? field.name : `${path}.${field.name}`
  const written = [field.name, ...field.aliases].map((name) => writer.field(name) as avsc.types.Field | undefined)
  const found = written.find((candidate) => candidate !== undefined)
  if (found !== undefined) return reasons(field.type, found.type, at)
  return field.defaultValue() === undefined ? [`${at}: new, and has no default`] : []
}

/** Goes into the branches of the same kind and name, where the difference is inside one of them. */
function unionReasons(reader: AvroType, writer: AvroType, path: string): string[] {
  const readable = branchesOf(reader)
  const written = branchesOf(writer)
  if (readable.length === 1 && written.length === 1) return []
  return written
    .filter((branch) => !readable.some((candidate) => canRead(candidate, branch)))
    .flatMap((branch) => {
      const same = readable.find((candidate) => candidate.branchName === branch.branchName)
      return same === undefined
        ? [`${path}: was ${nameOf(branch)} at times, is ${nameOf(reader)}`]
        : reasons(same, branch, path)
    })
}

function branchesOf(type: AvroType): readonly AvroType[] {
  return type.typeName.startsWith('union') ? (type as avsc.types.UnwrappedUnionType).types : [type]
}

function nameOf(type: AvroType): string {
  return branchesOf(type)
    .map((branch) => branch.branchName ?? branch.typeName)
    .join(' or ')
}

function isRecord(type: AvroType): type is avsc.types.RecordType {
  return type.typeName === 'record'
}

function isEnum(type: AvroType): type is avsc.types.EnumType {
  return type.typeName === 'enum'
}

function isArray(type: AvroType): type is avsc.types.ArrayType {
  return type.typeName === 'array'
}

function isMap(type: AvroType): type is AvroType & { readonly valuesType: AvroType } {
  return type.typeName === 'map'
}
