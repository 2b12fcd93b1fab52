import type { ModelAnswer, ModelProvider } from '#processors/ports/model-provider.ts'

/**
 * A recorded answer, told to somebody who asks again: whole, or as a stream where one is wanted.
 *
 * Promise: total, whatever the settings are by now. The provider that gave the answer reads its own body again, so tool
 * calls and several choices are told as they were; where it is not configured any more, what is told is the text, why it
 * ended and its usage.
 */
export interface Again {
  readonly runId: string
  readonly model: string
  readonly answer: ModelAnswer
}

export interface AgainOptions {
  readonly provider: ModelProvider | undefined
  readonly onEvent?: ((data: string) => void) | undefined
  readonly wantsUsage: boolean
}

export function tellAgain(again: Again, { provider, onEvent, wantsUsage }: AgainOptions): ModelAnswer {
  const { answer } = again
  const events: string[] = []
  const reread = provider?.reread?.(answer.raw, { onEvent: (data) => events.push(data), wantsUsage })
  if (reread?.ok === true) {
    if (onEvent !== undefined) for (const event of events) onEvent(event)
    return { ...answer, ...(reread.completion === undefined ? {} : { completion: reread.completion }) }
  }
  if (onEvent !== undefined) for (const event of chunksOf(again, wantsUsage)) onEvent(event)
  return isCompletion(answer.raw) ? answer : { ...answer, completion: JSON.stringify(completionOf(again)) }
}

function completionOf({ answer, ...again }: Again): object {
  const message = { role: 'assistant', content: answer.content }
  const choice = { index: 0, message, finish_reason: answer.finishReason ?? null }
  return { ...headOf(again), object: 'chat.completion', choices: [choice], usage: usageOf(answer) ?? undefined }
}

function chunksOf({ answer, ...again }: Again, wantsUsage: boolean): readonly string[] {
  const chunk = (choices: readonly object[], more: object = {}) =>
    JSON.stringify({ ...headOf(again), object: 'chat.completion.chunk', choices, ...more })
  const delta = { role: 'assistant', content: answer.content }
  const usage = wantsUsage ? usageOf(answer) : undefined
  return [
    chunk([{ index: 0, delta, finish_reason: answer.finishReason ?? null }]),
    ...(usage === undefined ? [] : [chunk([], { usage })]),
  ]
}

/** The time of the first answer is in its own body alone. */
function headOf({ runId, model }: Omit<Again, 'answer'>): object {
  return { id: `chatcmpl-${runId}`, created: 0, model }
}

function usageOf({ promptTokens, completionTokens }: ModelAnswer): object | undefined {
  if (promptTokens === undefined || completionTokens === undefined) return undefined
  const total = promptTokens + completionTokens
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: total }
}

function isCompletion(raw: string): boolean {
  try {
    const parsed: unknown = JSON.parse(raw)
    return typeof parsed === 'object' && parsed !== null && 'choices' in parsed
  } catch {
    return false
  }
}
