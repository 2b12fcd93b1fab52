/** A journal's redactor and claim check where they are of no concern: every event is written as it is. */
import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { Redactor } from '#processors/journal/redact.ts'

const redactor: Redactor = {
  redact: (text) => ({ text, redactions: 0 }),
  redactData: (data) => ({ data, redactions: 0 }),
}

export const unaltered = { redactor, claimCheck: { needed: () => false } as unknown as ClaimCheck }
