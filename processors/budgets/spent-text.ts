import { type Claim, endOfPeriod } from './claims.ts'
import type { Total } from './fold.ts'
import { usdText } from './prices.ts'

/** Why a call was not granted, for people: which budget, its limit, what is left of it, and when it starts anew. */
export function spentText({ claim, total }: Refusal, microUsd: number): string {
  const { name, period, limitMicroUsd } = claim
  const end = endOfPeriod(period)
  const anew = end === undefined ? 'it never starts anew' : `it starts anew at ${end}`
  const limit = `budget ${name} of ${usdText(limitMicroUsd)}${period === 'total' ? '' : ` for ${period} (UTC)`}`
  if (microUsd > limitMicroUsd) {
    return `${limit} is smaller than this call alone, which may cost ${usdText(microUsd)}: waiting does not help`
  }
  const { settledMicroUsd, heldMicroUsd } = total
  const spent = `${usdText(settledMicroUsd)} are spent and ${usdText(heldMicroUsd)} held by calls under way`
  return `${limit} has no room for this call, which may cost ${usdText(microUsd)}: ${spent}; ${anew}`
}

/** What its asker can do. A call that is larger than the whole limit is never granted, however long one waits. */
export function spentRemedy({ claim: { name, period, limitMicroUsd } }: Refusal, microUsd: number): string {
  if (microUsd > limitMicroUsd) {
    return `make the call smaller by --max-tokens (max_tokens, or max_output in [prices]), raise the limit of budget ${name}, or ask a cheaper model`
  }
  const wait = period === 'total' ? '' : 'wait until it starts anew, '
  return `${wait}raise the limit of budget ${name}, make the call smaller by --max-tokens (max_tokens), or ask a cheaper model`
}

interface Refusal {
  readonly claim: Claim
  readonly total: Total
}
