import type { ChatMessage } from '#processors/ports/model-provider.ts'
import type { RunState } from './run.ts'

/**
 * The messages a model is sent: the task's own, with the retrieved passages before the last one of the user.
 *
 * Promise: the task's messages stand unchanged and in order; without passages nothing is added.
 */
export function promptOf(run: RunState, messages: readonly ChatMessage[]): ChatMessage[] {
  const passages = run.retrieval?.passages ?? []
  if (passages.length === 0) return [...messages]
  const sources = passages.map(({ path, text }, index) => `[${index + 1}] ${path}\n${text}`).join('\n\n')
  const context: ChatMessage = {
    role: 'system',
    content: `Passages that may help to answer. Use them where they do, and name the source in brackets.\n\n${sources}`,
  }
  const lastOfUser = messages.findLastIndex(({ role }) => role === 'user')
  const at = lastOfUser === -1 ? messages.length : lastOfUser
  return [...messages.slice(0, at), context, ...messages.slice(at)]
}
