/**
 * Request fields as a model takes them.
 *
 * Promise: pure. Only what a model is known to refuse is changed: OpenAI's reasoning models (o1 and later, GPT-5 and
 * later) answer 400 to `temperature`, `top_p` and the penalties unless reasoning is off, and to `max_tokens`, which is
 * `max_completion_tokens` there; Anthropic's Opus 4.7 and later take no `temperature`, `top_p` and `top_k`. Others are
 * named in the settings. What a caller set stays set wherever it can be, and nothing is added.
 */
export type Parameters = Readonly<Record<string, unknown>>

const refusedWhenReasoning = [
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'logprobs',
  'top_logprobs',
]

const samplingFields = ['temperature', 'top_p', 'top_k']

/** `refusing` holds more models that take no `temperature`, each with or without what stands before its last `/`. */
export function fitParameters(model: string, parameters: Parameters, refusing: readonly string[] = []): Parameters {
  const refused = refusedBy(model, parameters, refusing)
  const renames = isReasoningModel(model) && parameters['max_tokens'] !== undefined
  if (!renames && !refused.some((name) => name in parameters)) return parameters
  const { max_tokens: limit, ...rest } = parameters
  const kept = Object.entries(rest).filter(([name]) => !refused.includes(name))
  if (limit === undefined) return Object.fromEntries(kept)
  return Object.fromEntries([[renames ? 'max_completion_tokens' : 'max_tokens', limit], ...kept])
}

function refusedBy(model: string, parameters: Parameters, refusing: readonly string[]): readonly string[] {
  if (isReasoningModel(model) && parameters['reasoning_effort'] !== 'none') return refusedWhenReasoning
  if (isLaterOpus(model)) return samplingFields
  return refusing.some((one) => one === model || lastPart(one) === lastPart(model)) ? ['temperature'] : []
}

/** `claude-opus-4-7`, `anthropic/claude-opus-4.7`, `us.anthropic.claude-opus-4-8-20260601-v1:0`, `claude-opus-5`. */
function isLaterOpus(model: string): boolean {
  const [, major, minor] = /claude-opus-(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)/.exec(lastPart(model)) ?? []
  return Number(major) > 4 || (Number(major) === 4 && Number(minor ?? 0) >= 7)
}

function lastPart(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1)
}

/** By name, with or without a vendor before it. `gpt-5-chat` and its like don't reason. */
function isReasoningModel(model: string): boolean {
  const name = lastPart(model)
  return /^(o[1-9]|gpt-([5-9]|[1-9]\d))(?=[-.]|$)/.test(name) && !name.includes('-chat')
}
