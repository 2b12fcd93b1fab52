/**
 * A schema is a table: every event type's table, and an event's row in it, from its newest schema.
 *
 * Promise: a new event type needs no table code. A table begins with the envelope's columns, the same in all of them;
 * a column for each field of the data follows, under the field's own name and in the schema's order:
 * - a scalar as it is, an enum as its symbol; nullable where the schema says so
 * - text that may be a claim check as three: `f` the text, `f_sha256` and `f_bytes` the reference; one or the other
 * - anything else as JSON text
 * A field named like an envelope column is `data_<name>`.
 */
import type { EventType } from '#schemas/catalog.ts'
import type { Envelope } from '#schemas/event.ts'
import type { EventData } from '#schemas/generated.ts'
import type { Position } from '#schemas/position.ts'
import { branchesOf, isObjectRef, isUnion, schemaOf, type FieldSchema, type Schema } from './schema.ts'

/** `timestamp`: ms since 1970 as a number, or ISO 8601 text; stored in UTC. `json`: JSON text. `long`: number or bigint. */
export type ColumnKind = 'string' | 'int' | 'long' | 'double' | 'boolean' | 'timestamp' | 'json' | 'bytes'
export type ColumnValue = string | number | bigint | boolean | null | Uint8Array
export type ColumnValues = readonly ColumnValue[]

export interface Column {
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly comment?: string
}

export interface TableDefinition {
  readonly name: string
  readonly columns: readonly Column[]
}

/** The first columns of every event table; those of the data follow. */
export const envelopeColumns = [
  { name: 'id', kind: 'string', nullable: false, comment: 'The event: made once, kept when an append is retried.' },
  { name: 'type', kind: 'string', nullable: false },
  { name: 'topic', kind: 'string', nullable: false },
  { name: 'partition', kind: 'int', nullable: false },
  { name: 'log_offset', kind: 'long', nullable: false, comment: 'With topic and partition: the position in the log.' },
  { name: 'time', kind: 'timestamp', nullable: false, comment: 'By the writer: for display, never for order.' },
  { name: 'source', kind: 'string', nullable: false, comment: 'Who wrote it.' },
  { name: 'subject', kind: 'string', nullable: false, comment: 'What it is about: the key in the log.' },
  { name: 'run', kind: 'string', nullable: true, comment: 'The run whose chain it is in.' },
  { name: 'seq', kind: 'long', nullable: true, comment: 'Its place in the chain; -1: a control event.' },
  { name: 'prev', kind: 'string', nullable: true, comment: 'The event before it in the chain.' },
  {
    name: 'accepted',
    kind: 'boolean',
    nullable: false,
    comment: 'Whether it extended its chain; if not, it never happened.',
  },
] as const satisfies readonly Column[]

/** `attempt.completed` → `attempt_completed`. */
export function tableNameOf(type: EventType): string {
  return type.replaceAll(/[.-]/g, '_')
}

export function tableOf(type: EventType): TableDefinition {
  return { name: tableNameOf(type), columns: [...envelopeColumns, ...fieldsOf(type).flatMap(({ columns }) => columns)] }
}

/** The values of the data's columns, in the table's order, without the envelope's. */
export function rowOf<Type extends EventType>(type: Type, data: EventData[Type]): ColumnValue[] {
  const row: ColumnValue[] = []
  const values = data as unknown as Readonly<Record<string, unknown>>
  for (const field of fieldsOf(type)) field.put(values[field.name], row)
  return row
}

/** An event as it was read from the log. */
export interface EventRow<Type extends EventType = EventType> {
  readonly data: EventData[Type]
  readonly envelope: Envelope
  readonly position: Position
  readonly accepted: boolean
}

/** The whole table's columns for events of one type: `columnsOf(…)[column][row]`. */
export function columnsOf<Type extends EventType>(type: Type, events: readonly EventRow<Type>[]): ColumnValue[][] {
  const columns: ColumnValue[][] = tableOf(type).columns.map(() => [])
  for (const event of events) {
    const { envelope, position, accepted } = event
    const { run = null, seq = null, prev = null } = envelope.chain ?? {}
    const { topic, partition, offset } = position
    const { id, time, source, subject } = envelope
    const row = [id, envelope.type, topic, partition, offset, time, source, subject, run, seq, prev, accepted]
    let at = 0
    for (const value of row) columns[at++]?.push(value)
    for (const value of rowOf(type, event.data)) columns[at++]?.push(value)
  }
  return columns
}

/** How one field of an event's data becomes columns. */
interface FieldColumns {
  readonly name: string
  readonly columns: readonly Column[]
  readonly put: (value: unknown, row: ColumnValue[]) => void
}

const fieldsByType = new Map<EventType, readonly FieldColumns[]>()

function fieldsOf(type: EventType): readonly FieldColumns[] {
  const known = fieldsByType.get(type)
  if (known !== undefined) return known
  const fields = schemaOf(type).fields.map(fieldColumns)
  fieldsByType.set(type, fields)
  return fields
}

const taken: ReadonlySet<string> = new Set(envelopeColumns.map(({ name }) => name))

function fieldColumns(field: FieldSchema): FieldColumns {
  const name = taken.has(field.name.toLowerCase()) ? `data_${field.name}` : field.name
  const comment = field.doc === undefined ? {} : { comment: field.doc }
  if (isClaimable(field.type)) {
    const text = { name, kind: 'string', nullable: true, ...comment } as const
    const sha256 = {
      name: `${name}_sha256`,
      kind: 'string',
      nullable: true,
      comment: `Where ${name} is kept when it is too large for a record.`,
    } as const
    const bytes = {
      name: `${name}_bytes`,
      kind: 'long',
      nullable: true,
      comment: `Size of ${name} where it is kept.`,
    } as const
    return { name: field.name, columns: [text, sha256, bytes], put: putClaimable }
  }
  const kind = kindOf(field.type)
  const nullable = isUnion(field.type) && field.type.includes('null')
  const column = { name, kind, nullable, ...comment }
  return { name: field.name, columns: [column], put: kind === 'json' ? putJson : putScalar }
}

function isClaimable(schema: Schema): boolean {
  const branches = branchesOf(schema)
  return branches.length === 2 && branches.includes('string') && branches.some(isObjectRef)
}

function kindOf(schema: Schema): ColumnKind {
  const [branch, another] = branchesOf(schema)
  if (branch === undefined || another !== undefined) return 'json'
  if (typeof branch === 'string') return kinds[branch] ?? 'json'
  if (!('type' in branch)) return 'json'
  if (branch.type === 'enum') return 'string'
  return branch.type === 'fixed' ? 'bytes' : 'json'
}

const kinds: Readonly<Record<string, ColumnKind>> = {
  string: 'string',
  int: 'int',
  long: 'long',
  float: 'double',
  double: 'double',
  boolean: 'boolean',
  bytes: 'bytes',
}

function putScalar(value: unknown, row: ColumnValue[]): void {
  row.push(value as ColumnValue)
}

function putJson(value: unknown, row: ColumnValue[]): void {
  row.push(value === null ? null : JSON.stringify(value, bytesAsBase64))
}

function putClaimable(value: unknown, row: ColumnValue[]): void {
  if (value === null || typeof value === 'string') {
    row.push(value, null, null)
    return
  }
  const { sha256, sizeBytes } = value as { sha256: string; sizeBytes: number }
  row.push(null, sha256, sizeBytes)
}

function bytesAsBase64(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}
