/**
 * What can be asked: each provider of the order and what the user has added, by asking it, and what a task would ask first to last.
 *
 * Promise: nothing that costs is asked; all are asked at once and waited for no longer than `timeoutMs`. One that refuses
 * its key is told from one that can't be reached. No secret is in the answer.
 */
import { isFailure } from '#processors/ports/failure.ts'
import type { ModelProvider } from '#processors/ports/model-provider.ts'
import { builtIn, routeModel } from './route-model.ts'
import type { ModelRoute, RoutableChain } from './route-model.ts'

export interface ExaminablePorts {
  readonly chain: RoutableChain
  readonly providers: (name: string) => ModelProvider | undefined
  readonly probeLocal: () => Promise<ReadonlyMap<string, readonly string[]>>
}

export interface ExaminedProvider {
  readonly name: string
  /** `silent`: configured, and does not answer. */
  readonly state: 'answers' | 'refused' | 'silent' | 'not-asked' | 'unconfigured'
  readonly detail: string
  /** What it is asked for. */
  readonly model: string
}

export interface ExaminedModels {
  readonly providers: readonly ExaminedProvider[]
  /** Undefined where no task can be routed; `trouble` says why then. */
  readonly route: ModelRoute | undefined
  readonly trouble: { readonly message: string; readonly remedy: string } | undefined
}

export async function examineModels(
  ports: ExaminablePorts,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number; readonly added?: readonly string[] },
): Promise<ExaminedModels> {
  const { chain, probeLocal } = ports
  const answering = await probeLocal()
  const names = [...new Set([...chain.order, ...(options.added ?? [])])]
  const providers = await Promise.all(names.map((name) => examine(name, ports, { answering, ...options })))
  try {
    return { providers, route: routeModel(chain, answering), trouble: undefined }
  } catch (error) {
    if (!isFailure(error)) throw error
    return { providers, route: undefined, trouble: { message: error.message, remedy: error.remedy } }
  }
}

async function examine(
  name: string,
  { chain, providers }: ExaminablePorts,
  options: {
    readonly answering: ReadonlyMap<string, readonly string[]>
    readonly signal: AbortSignal
    readonly timeoutMs: number
  },
): Promise<ExaminedProvider> {
  if (name === builtIn.provider) return { name, state: 'answers', detail: 'built in', model: builtIn.model }
  const known = chain.providers.get(name)
  const model = known?.model ?? known?.defaultModel ?? ''
  if (known?.state === 'if-answering') {
    const models = options.answering.get(name)
    if (models === undefined) return { name, state: 'unconfigured', detail: 'no local server answers', model }
    return { name, state: 'answers', detail: models.length === 1 ? '1 model' : `${models.length} models`, model }
  }
  if (known?.state !== 'ready') return { name, state: 'unconfigured', detail: known?.missing ?? 'unknown', model }

  const health = await providers(name)?.health?.(options)
  if (health === undefined) return { name, state: 'not-asked', detail: 'configured, and not asked', model }
  if (health.answers) return { name, state: 'answers', detail: health.detail, model }
  return { name, state: isRefusal(health.detail) ? 'refused' : 'silent', detail: health.detail, model }
}

/** The port gives words; a status that says who asks is not welcome is in them. Gemini answers 400 to a wrong key. */
function isRefusal(detail: string): boolean {
  return /\banswered 40[13]\b|\bapi[ _]key not valid\b/i.test(detail)
}
