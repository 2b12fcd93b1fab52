import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { ChatMessage } from '#processors/ports/model-provider.ts'
import type { RunSpec, RunState } from '#processors/runs/run.ts'

/**
 * A past run becomes the specification of another: its frozen messages, on another model or under another system prompt.
 *
 * Promise: what is not asked to be different is as it was: messages, parameters, validator, limits. The passages the past
 * run retrieved are given again, so nothing is searched. Tags say whose counterfactual it is.
 */
export interface Swapped {
  /** The rungs in place of the past run's. */
  readonly ladder?: RunSpec['ladder'] | undefined
  /** In place of the first system message, or before all where there is none. */
  readonly system?: string | undefined
}

export async function counterfactualSpec(
  { runId, spec, retrieval }: RunState,
  { claimCheck, ladder, system, principal, set }: Swapped & { claimCheck: ClaimCheck; principal: string; set: string },
): Promise<RunSpec> {
  const messages = JSON.parse(await claimCheck.open(spec.messages)) as readonly ChatMessage[]
  const options = spec.validatorOptions
  return {
    ...spec,
    kind: 'replay',
    messages: JSON.stringify(system === undefined ? messages : withSystem(messages, system)),
    retrieval:
      spec.retrieval === null || retrieval === undefined
        ? null
        : { ...spec.retrieval, query: await claimCheck.open(spec.retrieval.query) },
    ladder: ladder ?? spec.ladder,
    validatorOptions: options === null ? null : await claimCheck.open(options),
    principal,
    interactive: true,
    bodyHash: null,
    tags: { ...spec.tags, replay_of: runId, replay_set: set },
    redactions: 0,
    traceId: null,
  }
}

function withSystem(messages: readonly ChatMessage[], system: string): readonly ChatMessage[] {
  const at = messages.findIndex(({ role }) => role === 'system' || role === 'developer')
  if (at === -1) return [{ role: 'system', content: system }, ...messages]
  return messages.map((message, index) => (index === at ? { ...message, content: system } : message))
}
