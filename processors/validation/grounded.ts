import type { Finding, FindingKind } from './validator.ts'
import { validators } from './validators.ts'

/**
 * `grounded_in_roster`: whether everybody an answer names is in the roster.
 *
 * Promise: null where the validator looks nobody up, or where nothing could be looked up; never true by default.
 */
export function groundedInRoster(validator: string, findings: readonly Finding[]): boolean | null {
  if (!Object.hasOwn(validators, validator) || validators[validator]?.readsRoster !== true) return null
  if (findings.some(({ kind }) => notLookedUp.has(kind))) return null
  return !findings.some(({ code }) => code !== null && unknownToRoster.has(code))
}

const notLookedUp = new Set<string>(['Empty', 'Syntax', 'Schema', 'Infrastructure', 'Timeout'] satisfies (
  | FindingKind
  | 'Timeout'
)[])

const unknownToRoster = new Set(['phantom-id', 'phantom-name', 'phantom-recipient', 'nobody-named'])
