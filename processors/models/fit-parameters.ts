/**
 * Request fields as a model takes them.
 *
 * Promise: pure. Only what a model is known to refuse is changed: OpenAI's reasoning models (o1 and later, GPT-5 and
 * later) answer 400 to `temperature`, `top_p` and the penalties unless reasoning is off, and to `max_tokens`, which is
 * `max_completion_tokens` there. What a caller set stays set wherever it can be.
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

export function fitParameters(model: string, parameters: Parameters): Parameters {
  if (!isReasoningModel(model)) return parameters
  const reasons = parameters['reasoning_effort'] !== 'none'
  const { max_tokens: maxTokens, ...rest } = parameters
  const kept = Object.entries(rest).filter(([name]) => !reasons || !refusedWhenReasoning.includes(name))
  const limit = maxTokens === undefined ? [] : [['max_completion_tokens', maxTokens] as const]
  return Object.fromEntries([...limit, ...kept])
}

/** By name, with or without a vendor before it. `gpt-5-chat` and its like don't reason. */
function isReasoningModel(model: string): boolean {
  const name = model.slice(model.lastIndexOf('/') + 1)
  return /^(o[1-9]|gpt-([5-9]|[1-9]\d))(?=[-.]|$)/.test(name) && !name.includes('-chat')
}
