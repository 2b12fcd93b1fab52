/** The port is defined beside the wire format that needs it; backends find it here among the others. */
export type { SchemaIds } from '#schemas/wire/schema-ids.ts'
