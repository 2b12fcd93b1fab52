import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { type Clock, elapsedMs } from '#processors/ports/clock.ts'
import { finding } from '#processors/validation/finding.ts'
import { judgeAnswer } from '#processors/validation/judge-answer.ts'
import type { Finding, ValidatorPorts } from '#processors/validation/validator.ts'
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
  ports: ValidatePorts,
): Promise<EventData['verdict.reached']> {
  const began = ports.clock.monotonic()
  const findings = await judge(run, attempt, ports)
  const durationMs = elapsedMs(ports.clock, began)
  return { attempt: attempt.attempt, validator: ports.validator, passed: findings.length === 0, findings, durationMs }
}

interface ValidatePorts extends ValidatorPorts {
  readonly validator: string
  readonly claimCheck: ClaimCheck
  readonly clock: Clock
}

/** Whether what it finds also depends on what stands outside the log (R1). */
export function judgesByReading(validator: string): boolean {
  return Object.hasOwn(validators, validator) && validators[validator]?.readsRoster === true
}

async function judge(run: RunState, attempt: AttemptState, ports: ValidatePorts): Promise<readonly Finding[]> {
  if (attempt.result?.is !== 'completed') return [finding('Completeness', 'no-answer', 'there is no answer to judge')]
  const answer = await ports.claimCheck.open(attempt.result.content)
  const { validatorOptions } = run.spec
  const text = validatorOptions === null ? '{}' : await ports.claimCheck.open(validatorOptions)
  const options = JSON.parse(text) as Record<string, unknown>
  return judgeAnswer(ports.validator, answer, { options, roster: ports.roster })
}
