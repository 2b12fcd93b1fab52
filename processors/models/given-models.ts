import type { ModelProvider } from '#processors/ports/model-provider.ts'
import type { RoutableChain } from './route-model.ts'
import type { ModelNames } from './route-named.ts'

/** What a process is given of models: the providers, opened, and what the settings say of them. */
export interface Models {
  readonly chain: RoutableChain
  readonly providers: (name: string) => ModelProvider | undefined
  /** Whom replays ask for every model, in place of the providers. */
  readonly gateway?: ModelProvider
  /** The local servers that answer now, with their models. */
  readonly probeLocal: () => Promise<ReadonlyMap<string, readonly string[]>>
  /** Asks one provider for its models; says why where it does not answer in time. */
  readonly list: (name: string, timeoutMs: number) => Promise<ListedModels>
  /** Tiers, fallbacks and what else the settings say of models by name. */
  readonly names: ModelNames
  /** Retryable failures in a row after which a provider is left alone for a while; 0: never. */
  readonly breakerFailures: number
}

export interface ListedModels {
  readonly answers: boolean
  /** Model ids in the server's order. */
  readonly models: readonly string[]
  /** Why it doesn't count as answering, in words. */
  readonly reason: string
}
