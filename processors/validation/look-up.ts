import type { Roster, RosterQuestion, Worker } from '#processors/ports/roster.ts'
import { finding } from './finding.ts'
import type { Finding } from './validator.ts'

/**
 * Asks the roster for whom an answer names.
 *
 * Promise: without a roster nobody is known, and that is a finding, not a pass. Errors: `roster.unavailable`.
 */
export async function lookUp(
  roster: Roster | undefined,
  named: RosterQuestion,
): Promise<{ readonly workers: readonly Worker[] } | { readonly findings: readonly Finding[] }> {
  if (roster === undefined) return { findings: [finding('Infrastructure', 'roster-unconfigured', unconfigured)] }
  return { workers: await roster.find(named) }
}

const unconfigured = 'no roster is configured, so whom the answer names could not be looked up; set LATTICE_ROSTER'
