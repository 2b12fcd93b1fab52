import { Failure } from '#processors/ports/failure.ts'
import { rosterCorpus } from '#processors/runs/retrieve-roster.ts'
import type { RunSpec } from '#processors/runs/run.ts'
import { validatorFor } from '#processors/validation/validators.ts'

/**
 * An iterate request becomes a run's specification: generate, validate, tell the model what was wrong, again.
 *
 * Promise: defaults are the seed's (3 iterations, temperature 0.2, 4,096 tokens); what nothing can be judged by is refused
 * before a model is paid. Errors: `request.invalid`, `roster.unconfigured`.
 */
export interface IterateRequest {
  /** Name of a validator. */
  readonly kind: string
  readonly prompt: string
  readonly system?: string | undefined
  readonly provider?: string | undefined
  readonly model?: string | undefined
  /** Weaker to stronger; each is a tier of its own. */
  readonly models?: readonly string[] | undefined
  /** What the answer must meet. */
  readonly context?: Readonly<Record<string, unknown>> | undefined
  readonly maxIterations?: number | undefined
  readonly temperature?: number | undefined
  readonly maxTokens?: number | undefined
  /** How many workers of the roster who meet the context are put before the prompt. */
  readonly rosterRows?: number | undefined
  readonly costLimitUsd?: number | undefined
  readonly deadlineMs?: number | undefined
}

export const iterateDefaults = { maxIterations: 3, temperature: 0.2, maxTokens: 4096 } as const

export interface IterateGiven {
  readonly ladder: RunSpec['ladder']
  /** Of a run that says nothing of its own. */
  readonly limits: RunSpec['limits']
  readonly hasRoster: boolean
  readonly principal: string
  readonly bodyHash?: string | undefined
  readonly traceId: string
}

export async function iterateSpec(request: IterateRequest, given: IterateGiven): Promise<RunSpec> {
  const { kind, context = {}, rosterRows, costLimitUsd } = request
  if (request.prompt.trim() === '') throw new Failure('request.invalid', 'prompt is empty')
  const validator = await validatorFor(kind, context)
  if (!given.hasRoster && (validator.readsRoster === true || rosterRows !== undefined)) throw noRoster(kind)
  const answers = request.maxIterations ?? Math.max(iterateDefaults.maxIterations, given.ladder.length)
  const deadlineMs = request.deadlineMs ?? given.limits.deadlineMs
  return {
    kind: 'iterate',
    messages: JSON.stringify(messagesOf(request)),
    retrieval:
      rosterRows === undefined
        ? null
        : { query: JSON.stringify(context), corpora: [rosterCorpus], k: rosterRows, threshold: 0 },
    ladder: given.ladder,
    validator: kind,
    validatorOptions: JSON.stringify(context),
    parameters: JSON.stringify(parametersOf(request)),
    limits: {
      ...given.limits,
      // Calls that fail don't take the place of answers.
      attempts: given.limits.attempts + answers,
      attemptTimeoutMs: Math.min(given.limits.attemptTimeoutMs, deadlineMs),
      deadlineMs,
      costMicroUsd: costLimitUsd === undefined ? null : Math.round(costLimitUsd * 1_000_000),
      answers,
    },
    principal: given.principal,
    interactive: true,
    folder: null,
    bodyHash: given.bodyHash ?? null,
    tags: {},
    redactions: 0,
    traceId: given.traceId,
  }
}

/** The prompt is the last one. */
export function messagesOf({ system, prompt }: IterateRequest): { role: string; content: string }[] {
  const first = system === undefined ? [] : [{ role: 'system', content: system }]
  return [...first, { role: 'user', content: prompt }]
}

export function parametersOf({ temperature, maxTokens }: IterateRequest): Record<string, unknown> {
  return {
    temperature: temperature ?? iterateDefaults.temperature,
    max_tokens: maxTokens ?? iterateDefaults.maxTokens,
  }
}

function noRoster(kind: string): Failure {
  return new Failure('roster.unconfigured', `${kind} needs a roster, and none is configured`, {
    remedy: 'Set LATTICE_ROSTER to a Parquet or CSV file.',
  })
}
