/**
 * What opening a model server takes and gives, whichever protocol it speaks.
 *
 * Promise: opening connects to nothing; `close` ends every connection and with it every call under way.
 */
import type { ModelProvider } from '#processors/ports/model-provider.ts'

export interface ModelServerOptions {
  readonly name: string
  /** Base URL; the protocol's resources are below it. */
  readonly baseUrl: string
  readonly apiKey?: string | undefined
  /** Variable that holds the key, named when the server refuses it. */
  readonly keyVariable?: string | undefined
  readonly defaultModel: string
  /** A base URL without a path means `/v1`. */
  readonly local?: boolean
}

export interface OpenedModelProvider extends ModelProvider {
  close(): Promise<void>
}
