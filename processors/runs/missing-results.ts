import type { EventData } from '#schemas/event.ts'
import { bounds } from './limits.ts'
import type { AttemptState } from './run.ts'

/**
 * What an owner records in place of a result that never came: neither ends in a pass (`verdict.closed`).
 */

/** What a failed call did not cost, and that nobody saw any of it. */
export const unpaid = {
  delivered: false,
  promptTokens: null,
  completionTokens: null,
  usageEstimated: false,
  costMicroUsd: 0,
} as const

/** A call in flight when its owner died may have been paid: it counts, and is recorded as lost (R8). */
export function lostAttempt(attempt: AttemptState): EventData['attempt.failed'] {
  return {
    attempt: attempt.attempt,
    provider: attempt.provider,
    model: attempt.model,
    code: 'lost',
    message: 'its owner stopped while the call was in flight; it may have been paid',
    httpStatus: null,
    raw: '',
    retryable: true,
    retryAfterMs: null,
    ...unpaid,
    costMicroUsd: attempt.reservedMicroUsd,
    durationMs: 0,
  }
}

/** The money for a call was not granted: nobody was asked (R12). */
export function refused(
  started: EventData['attempt.started'],
  { code, message }: { readonly code: string; readonly message: string },
): EventData['attempt.failed'] {
  const { attempt, provider, model } = started
  const nothing = { httpStatus: null, raw: '', retryable: false, retryAfterMs: null, durationMs: 0 }
  return { attempt, provider, model, code, message, ...nothing, ...unpaid }
}

/** A validator that does not come to an end has not passed the answer (`verdict.closed`). */
export function noVerdict(attempt: number, validator: string): EventData['verdict.reached'] {
  const message = `the validator gave no verdict within ${bounds.verdictMs} ms`
  return {
    attempt,
    validator,
    passed: false,
    findings: [{ kind: 'Timeout', message, path: null, code: null }],
    durationMs: bounds.verdictMs,
    artifact: null,
    groundedInRoster: null,
  }
}
