import { type Clock, elapsedMs } from '#processors/ports/clock.ts'
import { Failure } from '#processors/ports/failure.ts'
import { groundedInRoster } from './grounded.ts'
import { judgeAnswer } from './judge-answer.ts'
import type { Finding, ValidatorOptions, ValidatorPorts } from './validator.ts'
import { validatorFor, validators } from './validators.ts'

/**
 * What a validator says of an artifact, for who asks it alone.
 *
 * Promise: writes nothing. What could not be judged is an error and no verdict: `request.invalid` (unknown kind, options
 * nothing can be judged by), `roster.unconfigured`, `roster.unavailable`.
 */
export interface ValidateRequest {
  readonly kind: string
  /** JSON, or the text a model wrote. */
  readonly artifact: unknown
  readonly context?: ValidatorOptions
}

export interface ValidationReport {
  readonly kind: string
  readonly passed: boolean
  readonly findings: readonly Finding[]
  readonly elapsed_ms: number
  /** Null where nobody is looked up. */
  readonly grounded_in_roster: boolean | null
}

export async function validateArtifact(
  { kind, artifact, context = {} }: ValidateRequest,
  { roster, clock }: ValidatorPorts & { readonly clock: Clock },
): Promise<ValidationReport> {
  await validatorFor(kind, context)
  const began = clock.monotonic()
  const answer = typeof artifact === 'string' ? artifact : JSON.stringify(artifact)
  const findings = await judgeAnswer(kind, answer, { options: context, roster })
  const broken = findings.find((one) => one.kind === 'Infrastructure')
  if (broken !== undefined) throw notJudged(broken)
  return {
    kind,
    passed: findings.length === 0,
    findings,
    elapsed_ms: elapsedMs(clock, began),
    grounded_in_roster: groundedInRoster(kind, findings),
  }
}

/** What an artifact can be judged as. */
export const validatorNames: readonly string[] = Object.keys(validators)

function notJudged({ code, message }: Finding): Failure {
  if (code === 'roster-unconfigured')
    return new Failure('roster.unconfigured', message, { remedy: 'Set LATTICE_ROSTER to a Parquet or CSV file.' })
  if (code === 'roster-unavailable') return new Failure('roster.unavailable', message)
  if (code === 'schema-too-slow') return new Failure('request.invalid', message)
  return new Failure('internal', message)
}
