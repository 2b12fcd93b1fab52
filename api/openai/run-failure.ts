import type { ChatResult } from '#processors/kinds/chat/chat.command.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { OpenAiFailure } from './openai-error.ts'

/**
 * How a run that gave no answer is told to an OpenAI client.
 *
 * Promise: total. What the caller can mend keeps the model server's own status (400, 404, 413, 422); a key of ours that
 * was refused is no fault of the caller (502). A run that ended because the server closes may be asked for again (503); 499
 * is for one that somebody cancelled. Where a name without a prefix was asked of an Ollama that can't answer, it is said so.
 */
export function failureOf(failed: Failed, { model = '', provider, gone }: Asked): OpenAiFailure {
  const { reason, failure, runId } = failed
  if (isFailure(gone.reason, 'server.closing') && reason === gone.reason.code) {
    return { status: 503, code: gone.reason.code, message: `${gone.reason.message} (run ${runId})`, retryAfterMs: 1000 }
  }
  const code = failure?.code ?? reason
  const what = failure?.message ?? sentences[reason] ?? `the run ended: ${reason}`
  const message = `${what} (run ${runId})${provider === undefined ? bareName(model, failed) : ''}`
  const retryAfterMs = failure?.retryAfterMs
  return { status: statusOf(failed), code, message, retryAfterMs, exhausted: true }
}

type Failed = Extract<ChatResult, { is: 'failed' }>

/** What the request said, and the signal that its client or the server goes. */
interface Asked {
  readonly model?: string | undefined
  readonly provider?: string | undefined
  readonly gone: AbortSignal
}

/** For who means another provider, as most programs written for OpenAI do. */
function bareName(model: string, { provider, failure, reason }: Failed): string {
  const isBare = model !== '' && !model.includes('/') && !model.endsWith(':cloud')
  const isDown = failure?.code === 'unreachable' || (provider === undefined && reason === 'breaker-open')
  const lacksIt = failure?.code === 'rejected' && failure.httpStatus === 404
  if (!isBare || (provider ?? 'ollama') !== 'ollama' || !(isDown || lacksIt)) return ''
  return `. ${model} has no prefix, so local Ollama was asked; for OpenAI say openai/${model}`
}

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
