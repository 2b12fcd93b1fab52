/**
 * The providers of a process, opened from its configuration: what `assemble.ts` hands to processors.
 *
 * Promise: opening connects to nothing. A provider is opened with the URL and key its configuration resolved to, so the
 * name in a run's choice is enough to ask it.
 */
import { configuredProviders, type ProviderChain, type ProviderChoices } from './configured-providers.ts'
import { openOpenAiModelProvider, type OpenAiModelProvider } from './openai-model-provider.ts'
import { probeModels, probeTimeoutMs } from './probe-models.ts'

export interface OpenedProviders {
  readonly chain: ProviderChain
  /** By name; those without a key are not in it. */
  readonly providers: ReadonlyMap<string, OpenAiModelProvider>
  /** Asks the local servers of the order, all at once: the models of those that answer, by provider. */
  probeLocal(timeoutMs?: number): Promise<ReadonlyMap<string, readonly string[]>>
  close(): Promise<void>
}

export function openProviders(choices: ProviderChoices): OpenedProviders {
  const chain = configuredProviders(choices)
  const usable = [...chain.providers.values()].filter((one) => one.state !== 'unconfigured')
  const opened = usable.map(
    (one) => [one.name, openOpenAiModelProvider({ ...one, defaultModel: one.model ?? one.defaultModel })] as const,
  )
  const providers = new Map(opened)
  return {
    chain,
    providers,
    async probeLocal(timeoutMs = probeTimeoutMs) {
      const local = usable.filter((one) => one.local && chain.order.includes(one.name))
      const probed = await Promise.all(local.map(async (one) => [one.name, await probeModels(one, timeoutMs)] as const))
      return new Map(probed.filter(([, probe]) => probe.answers).map(([name, { models }]) => [name, models]))
    },
    async close() {
      await Promise.all([...providers.values()].map(async (one) => await one.close()))
    },
  }
}
