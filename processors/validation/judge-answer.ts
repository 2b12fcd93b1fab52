import { isFailure } from '#processors/ports/failure.ts'
import { withoutPaths } from '#processors/ports/without-paths.ts'
import { finding } from './finding.ts'
import type { Finding, ValidatorOptions, ValidatorPorts } from './validator.ts'
import { validatorNamed } from './validators.ts'

/**
 * What a validator finds wrong with an answer.
 *
 * Promise (`verdict.closed`): never rejects, and what could not be judged has not passed: a validator that is unknown,
 * given options it can't judge by, or that throws is a finding that says so.
 */
export async function judgeAnswer(
  name: string,
  answer: string,
  given: ValidatorPorts & { readonly options: ValidatorOptions },
): Promise<readonly Finding[]> {
  try {
    return bounded(await validatorNamed(name).judge(answer, given.options, given))
  } catch (error) {
    if (isFailure(error, 'roster.unavailable'))
      return [finding('Infrastructure', 'roster-unavailable', withoutPaths(`${error.message}. ${error.remedy}`))]
    const message = error instanceof Error ? error.message : String(error)
    return [finding('Infrastructure', 'validator-failed', withoutPaths(`the validator failed: ${message}`))]
  }
}

const mostFindings = 50

/** The first of every code stays, so that what is told of the whole answer stays true. */
function bounded(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= mostFindings) return findings
  const firsts = new Set(new Map(findings.toReversed().map((one) => [`${one.kind} ${one.code}`, one])).values())
  let others = mostFindings - firsts.size
  return findings.filter((one) => firsts.has(one) || others-- > 0)
}
