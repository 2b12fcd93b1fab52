/**
 * The providers of a process, opened from its configuration: what `assemble.ts` hands to processors.
 *
 * Promise: opening connects to nothing. A provider is opened with the URL and key its configuration resolved to, so the
 * name in a run's choice is enough to ask it. One whose base URL ends in `/api` speaks Ollama's own API, which is loaded
 * only for it.
 */
import { speaksOllama } from '#infra/http/speaks-ollama.ts'
import type { ModelServerOptions, OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import { configuredProviders, type ProviderChain, type ProviderChoices } from './configured-providers.ts'
import { openOpenAiModelProvider } from './openai-model-provider.ts'
import { type Probe, probeModels, probeTimeoutMs } from './probe-models.ts'
import { probeVersion } from './probe-version.ts'

export interface OpenedProviders {
  readonly chain: ProviderChain
  /** By name; those without a key are not in it. */
  readonly providers: ReadonlyMap<string, OpenedModelProvider>
  /** Asks the local servers of the order, all at once: the models of those that answer, by provider. */
  probeLocal(timeoutMs?: number): Promise<ReadonlyMap<string, readonly string[]>>
  /** Asks one provider for its models. */
  list(name: string, timeoutMs: number): Promise<Probe>
  close(): Promise<void>
}

export type OpenModelServer = (options: ModelServerOptions) => OpenedModelProvider

/** `loadOllama` gives what opens a server of Ollama's own API. */
export async function openProviders(
  choices: ProviderChoices,
  loadOllama: () => Promise<OpenModelServer>,
): Promise<OpenedProviders> {
  const chain = configuredProviders(choices)
  const usable = new Map([...chain.providers].filter(([, one]) => one.state !== 'unconfigured'))
  const native = [...usable.values()].some(({ baseUrl }) => speaksOllama(baseUrl))
  const openOllama = native ? await loadOllama() : openOpenAiModelProvider
  const providers = new Map<string, OpenedModelProvider>()
  for (const [name, one] of usable) {
    const open = speaksOllama(one.baseUrl) ? openOllama : openOpenAiModelProvider
    const opened = open({ ...one, defaultModel: one.model ?? one.defaultModel })
    providers.set(name, name === 'ollama' ? withVersion(opened, one.baseUrl) : opened)
  }
  return {
    chain,
    providers,
    async probeLocal(timeoutMs = probeTimeoutMs) {
      const local = [...usable.values()].filter((one) => one.local && chain.order.includes(one.name))
      const probed = await Promise.all(local.map(async (one) => [one.name, await probeModels(one, timeoutMs)] as const))
      return new Map(probed.filter(([, probe]) => probe.answers).map(([name, { models }]) => [name, models]))
    },
    async list(name, timeoutMs) {
      const one = usable.get(name)
      if (one === undefined) return { answers: false, models: [], reason: chain.providers.get(name)?.missing ?? '' }
      return probeModels(one, timeoutMs)
    },
    async close() {
      await Promise.all([...providers.values()].map(async (one) => await one.close()))
    },
  }
}

/** Local Ollama tells its version, whichever of its APIs it is asked in. */
function withVersion(opened: OpenedModelProvider, baseUrl: string): OpenedModelProvider {
  return { ...opened, health: (options) => probeVersion(baseUrl, options) }
}
