import type { ChatMessage } from '#processors/ports/model-provider.ts'
import type { RunSpec } from '#processors/runs/run.ts'

/**
 * A chat request becomes a run's specification: what was asked, passed through, and who may answer it.
 *
 * Promise: request fields are the caller's own; nothing is added (no temperature, no limit on the answer). Retrieval and
 * validation are other kinds' work, so a chat claims no verdict.
 */
export interface ChatRequest {
  /** `embed`: its one message is what vectors are wanted of. */
  readonly kind?: 'chat' | 'embed'
  readonly messages: readonly ChatMessage[]
  /** Every other field of the request for the model. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** What the caller calls the model: `groq/llama-3.3-70b`, `tier/local_fast`, … */
  readonly model?: string | undefined
  /** A provider that was chosen already: then `model` is its own name for it. */
  readonly provider?: string | undefined
}

/** What a run that is carried out where it was asked gets from its surface and the settings. */
export interface InteractiveGiven {
  readonly ladder: RunSpec['ladder']
  readonly limits: RunSpec['limits']
  readonly principal: string
  readonly bodyHash?: string | undefined
  readonly traceId: string
  readonly tags?: Readonly<Record<string, string>> | undefined
}

export function chatSpec({ kind = 'chat', messages, parameters }: ChatRequest, given: InteractiveGiven): RunSpec {
  return {
    kind,
    messages: JSON.stringify(messages),
    retrieval: null,
    ladder: given.ladder,
    validator: null,
    validatorOptions: null,
    parameters: JSON.stringify(parameters),
    limits: given.limits,
    principal: given.principal,
    interactive: true,
    folder: null,
    bodyHash: given.bodyHash ?? null,
    tags: given.tags ?? {},
    redactions: 0,
    traceId: given.traceId,
  }
}
