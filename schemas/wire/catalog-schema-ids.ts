/**
 * Schema ids from the catalog alone, where no registry is set.
 *
 * Promise: the id of a schema depends on its canonical form and on nothing else: 31 bits of its SHA-256, so that every
 * process and every version of Lattice writes the same id without asking anybody. A test proves them distinct.
 * Source: Avro 1.12, "Parsing Canonical Form": names, types, order; no docs, defaults or aliases.
 */
import { createHash } from 'node:crypto'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import { avroType } from './avro.ts'
import type { SchemaIds } from './schema-ids.ts'

export function catalogSchemaIds(): SchemaIds {
  let schemas: ReadonlyMap<number, string> | undefined
  return {
    idOf: (_subject, schema) => Promise.resolve(catalogIdOf(schema)),
    schemaOf: (id) => Promise.resolve((schemas ??= catalogSchemas()).get(id)),
  }
}

/** A stable number from 1 to 2³¹ − 1. */
export function catalogIdOf(schema: string): number {
  const canonical = JSON.stringify(avroType(schema).schema())
  return createHash('sha256').update(canonical).digest().readUInt32BE(0) & 0x7fffffff || 1
}

function catalogSchemas(): Map<number, string> {
  return new Map(
    Object.values(schemaVersions).flatMap((versions) => versions.map((schema) => [catalogIdOf(schema), schema])),
  )
}
