import { Failure } from '#processors/ports/failure.ts'
import type { ModelChoice, Wanted } from '#processors/models/route-model.ts'
import type { RunSpec } from '#processors/runs/run.ts'
import { defaultValidator, validatorFor } from '#processors/validation/validators.ts'

/**
 * A task request becomes a run's frozen specification.
 *
 * Promise: everything a run depends on later is in the specification: the ladder as configured now, the corpora, the
 * limits. Errors: `request.invalid`, naming the field.
 */
export interface TaskRequest {
  readonly prompt: string
  readonly system?: string
  /** The one provider to ask; `model` is then its own name for it. */
  readonly provider?: string
  /** As in a chat; a name without a prefix is the model of the first provider. */
  readonly model?: string
  readonly validator?: string
  readonly validatorOptions?: Readonly<Record<string, unknown>>
  readonly temperature?: number
  readonly maxTokens?: number
  readonly maxAttempts?: number
  readonly deadlineMs?: number
  readonly retrieval?: boolean
  readonly corpora?: readonly string[]
  readonly k?: number
  readonly tags?: Readonly<Record<string, string>>
}

/** What the configuration gives a task that does not say. */
export interface TaskDefaults {
  /** The choices for what a task asks for. Errors: `model.unknown`, `provider.unconfigured`, `request.invalid`. */
  readonly route: (wanted: Wanted) => readonly ModelChoice[]
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
  readonly attempts: number
  readonly attemptTimeoutMs: number
  readonly deadlineMs: number
  readonly retrieval:
    | { readonly corpora: readonly string[]; readonly k: number; readonly threshold: number }
    | undefined
  readonly folder: string | undefined
}

export async function taskSpec(
  request: TaskRequest,
  defaults: TaskDefaults,
  who: {
    readonly principal: string
    readonly interactive: boolean
    readonly bodyHash?: string
    readonly traceId?: string | undefined
  },
): Promise<RunSpec> {
  if (request.prompt.trim() === '') throw new Failure('request.invalid', 'prompt is empty')
  const validator = request.validator ?? defaultValidator
  await validatorFor(validator, request.validatorOptions ?? {})
  const temperature = request.temperature ?? defaults.temperature
  const maxTokens = request.maxTokens ?? defaults.maxTokens
  return {
    kind: 'task',
    messages: JSON.stringify([
      ...(request.system === undefined ? [] : [{ role: 'system', content: request.system }]),
      { role: 'user', content: request.prompt },
    ]),
    retrieval: retrievalOf(request, defaults),
    ladder: [{ name: 'default', choices: defaults.route(wantedOf(request)) }],
    validator,
    validatorOptions: request.validatorOptions === undefined ? null : JSON.stringify(request.validatorOptions),
    parameters: JSON.stringify({
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    }),
    limits: {
      attempts: request.maxAttempts ?? defaults.attempts,
      attemptTimeoutMs: defaults.attemptTimeoutMs,
      deadlineMs: request.deadlineMs ?? defaults.deadlineMs,
      costMicroUsd: null,
      answers: null,
      once: false,
    },
    principal: who.principal,
    interactive: who.interactive,
    folder: defaults.folder ?? null,
    bodyHash: who.bodyHash ?? null,
    tags: request.tags ?? {},
    redactions: 0,
    traceId: who.traceId ?? null,
  }
}

function retrievalOf(request: TaskRequest, { retrieval }: TaskDefaults): RunSpec['retrieval'] {
  if (request.retrieval === false) return null
  const corpora = request.corpora ?? retrieval?.corpora ?? []
  if (corpora.length === 0) return null
  return { query: request.prompt, corpora, k: request.k ?? retrieval?.k ?? 5, threshold: retrieval?.threshold ?? 0 }
}

function wantedOf({ provider, model }: TaskRequest): Wanted {
  return { ...(provider === undefined ? {} : { provider }), ...(model === undefined ? {} : { model }) }
}
