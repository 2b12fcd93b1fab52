/**
 * Numbers for schemas, as the Confluent wire format needs them: five bytes before each value, 0 and a 32-bit id.
 *
 * Promise: an id means one schema for ever within a log. From the catalog alone, or from a registry where one is set.
 */
export interface SchemaIds {
  /** The id of a schema under a subject (`<topic>-<event type>`), registering it when unknown. Errors: `schema.incompatible`, `schema.unavailable`. */
  idOf(subject: string, schema: string): Promise<number>
  /** The schema behind an id, as JSON text; undefined when nobody knows it. Errors: `schema.unavailable`. */
  schemaOf(id: number): Promise<string | undefined>
}
