import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { type Clock, elapsedMs } from '#processors/ports/clock.ts'
import { extractJson } from '#processors/validation/extract-json.ts'
import { finding } from '#processors/validation/finding.ts'
import { groundedInRoster } from '#processors/validation/grounded.ts'
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
  const { validator } = ports
  const answer = attempt.result?.is === 'completed' ? await ports.claimCheck.open(attempt.result.content) : undefined
  const findings = await judge(run, answer, ports)
  const passed = findings.length === 0
  const durationMs = elapsedMs(ports.clock, began)
  return {
    attempt: attempt.attempt,
    validator,
    passed,
    findings,
    durationMs,
    artifact: passed && answer !== undefined && makesArtifact(run.spec.kind) ? artifactText(answer) : null,
    groundedInRoster: answer === undefined ? null : groundedInRoster(validator, findings),
  }
}

/** Whether what a run of this kind is for is the JSON in its answer, rather than the answer. */
function makesArtifact(kind: string): boolean {
  return kind === 'iterate'
}

/** JSON: what the validators take out of the answer, else all of it. */
function artifactText(answer: string): string {
  const found = extractJson(answer)
  if (found !== undefined) return JSON.stringify(found.value)
  try {
    return JSON.stringify(JSON.parse(answer))
  } catch {
    return JSON.stringify(answer)
  }
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

async function judge(run: RunState, answer: string | undefined, ports: ValidatePorts): Promise<readonly Finding[]> {
  if (answer === undefined) return [finding('Completeness', 'no-answer', 'there is no answer to judge')]
  const { validatorOptions } = run.spec
  const text = validatorOptions === null ? '{}' : await ports.claimCheck.open(validatorOptions)
  const options = JSON.parse(text) as Record<string, unknown>
  return judgeAnswer(ports.validator, answer, {
    options,
    roster: ports.roster,
    passages: run.retrieval?.passages ?? [],
  })
}
