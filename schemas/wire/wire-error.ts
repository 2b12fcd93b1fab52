/**
 * What can be wrong with a record's bytes, or with data on its way to become some: a closed union of codes.
 *
 * Promise: `message` names fields and types, never a value, since a value may hold a secret.
 */
export type WireErrorCode =
  | 'unknown-schema' // the writer's schema is not known here: `codec.learn(schemaId)`, then again
  | 'undecodable' // not a value of its type, and never will be
  | 'invalid' // data that does not fit its type's schema

export class WireError extends Error {
  override readonly name = 'WireError'
  readonly code: WireErrorCode
  /** Of `unknown-schema`: the id nobody knew. */
  readonly schemaId: number | undefined

  constructor(code: WireErrorCode, message: string, options: { schemaId?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.schemaId = options.schemaId
  }
}
