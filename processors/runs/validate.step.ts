import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { type Clock, elapsedMs } from '#processors/ports/clock.ts'
import type { Finding } from '#processors/validation/validator.ts'
import { validators } from '#processors/validation/validators.ts'
import type { EventData } from '#schemas/event.ts'
import type { AttemptState, RunState } from './run.ts'

/**
 * Performs `validate`: one verdict on one answer.
 *
 * Promise (`verdict.closed`): no error ends in a pass; a validator that is unknown or throws is a failing verdict that
 * says so.
 */
export async function validate(
  run: RunState,
  attempt: AttemptState,
  ports: { validator: string; claimCheck: ClaimCheck; clock: Clock },
): Promise<EventData['verdict.reached']> {
  const began = ports.clock.monotonic()
  const findings = await judge(run, attempt, ports)
  const durationMs = elapsedMs(ports.clock, began)
  return { attempt: attempt.attempt, validator: ports.validator, passed: findings.length === 0, findings, durationMs }
}

async function judge(
  run: RunState,
  attempt: AttemptState,
  ports: { validator: string; claimCheck: ClaimCheck },
): Promise<readonly Finding[]> {
  const validator = Object.hasOwn(validators, ports.validator) ? validators[ports.validator] : undefined
  if (validator === undefined) return [finding('Unknown', `there is no validator ${ports.validator}`)]
  if (attempt.result?.is !== 'completed') return [finding('Missing', 'there is no answer to judge')]
  const answer = await ports.claimCheck.open(attempt.result.content)
  const { validatorOptions } = run.spec
  const options = validatorOptions === null ? '{}' : await ports.claimCheck.open(validatorOptions)
  try {
    return validator(answer, JSON.parse(options) as Record<string, unknown>)
  } catch (error) {
    return [finding('Validator', `the validator failed: ${error instanceof Error ? error.message : String(error)}`)]
  }
}

function finding(kind: string, message: string): Finding {
  return { kind, message, path: null }
}
