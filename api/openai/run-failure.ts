import type { ChatResult } from '#processors/kinds/chat/chat.command.ts'
import type { OpenAiFailure } from './openai-error.ts'

/**
 * How a run that gave no answer is told to an OpenAI client.
 *
 * Promise: total. What the caller can mend keeps the model server's own status (400, 404, 413, 422); a key of ours that
 * was refused is no fault of the caller (502).
 */
export function failureOf(failed: Failed): OpenAiFailure {
  const { reason, failure, runId } = failed
  const code = failure?.code ?? reason
  const message = `${failure?.message ?? sentences[reason] ?? `the run ended: ${reason}`} (run ${runId})`
  const retryAfterMs = failure?.retryAfterMs
  return { status: statusOf(failed), code, message, retryAfterMs, exhausted: true }
}

type Failed = Extract<ChatResult, { is: 'failed' }>

const sentences: Readonly<Record<string, string>> = {
  deadline: 'no answer came before the deadline',
  cancelled: 'the run was cancelled',
  providers: 'no provider answered',
  'breaker-open': 'every provider of that model failed again and again a moment ago and is left alone for now',
}

const callersOwn = [400, 404, 413, 422]

function statusOf({ reason, failure }: Failed): number {
  if (reason === 'cancelled') return 499
  if (reason === 'deadline') return 504
  if (reason === 'breaker-open' && failure === undefined) return 503
  switch (failure?.code) {
    case 'rejected':
      return callersOwn.includes(failure.httpStatus ?? 400) ? (failure.httpStatus ?? 400) : 400
    case 'rate-limited':
      return 429
    case 'timeout':
      return 504
    case 'budget-spent':
    case 'budget-unpriced':
      return 402
    case 'budget-unavailable':
      return 503
    default:
      return 502
  }
}
