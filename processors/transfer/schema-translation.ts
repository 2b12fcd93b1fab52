/**
 * Values of one log made readable in another: the schema id in front of each becomes the target's id of that schema.
 *
 * Promise: nothing but those four bytes changes. A value whose schema the source did not know, and one that is no event,
 * stays as it is: it could not be read there and cannot be read here.
 */
import type { SchemaIds } from '#processors/ports/schema-ids.ts'
import { headBytes, schemaIdIn } from '#schemas/wire/codec.ts'

export interface Translated {
  readonly topic: string
  readonly headers: Readonly<Record<string, string>>
  readonly value: Uint8Array
}

export class SchemaTranslation {
  readonly #schemas = new Map<number, string>()
  /** By subject, then the source's id: the target's id, once it is known. */
  readonly #ids = new Map<string, Map<number, number | undefined>>()

  /** A schema of the source. */
  learn(id: number, schema: string): void {
    this.#schemas.set(id, schema)
  }

  /** A record that will have to be translated. */
  meet({ topic, headers, value }: Translated): void {
    const id = schemaIdIn(value)
    const type = headers['ce_type']
    if (id === undefined || type === undefined || !this.#schemas.has(id)) return
    const subject = `${topic}-${type}`
    const ids = this.#ids.get(subject) ?? new Map<number, number | undefined>()
    if (!this.#ids.has(subject)) this.#ids.set(subject, ids)
    if (!ids.has(id)) ids.set(id, undefined)
  }

  /** Asks the target for the ids of all that was met. Errors: `schema.incompatible`, `schema.unavailable`. */
  async agree(target: SchemaIds): Promise<void> {
    for (const [subject, ids] of this.#ids) {
      // In the order they were written, as a registry checks a version against those before it.
      for (const id of ids.keys()) ids.set(id, await target.idOf(subject, this.#schemas.get(id) as string))
    }
  }

  /** The value as the target writes it; the very same bytes where its id is the same. */
  translate({ topic, headers, value }: Translated): Uint8Array {
    const from = schemaIdIn(value)
    if (from === undefined) return value
    const to = this.#ids.get(`${topic}-${headers['ce_type']}`)?.get(from)
    if (to === undefined || to === from) return value
    const translated = Buffer.from(value)
    translated.writeUInt32BE(to, headBytes - 4)
    return translated
  }
}
