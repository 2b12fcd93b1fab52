import { type Claim, endOfPeriod } from './claims.ts'
import type { Total } from './fold.ts'
import { usdText } from './prices.ts'

/** Why a call was not granted, for people: which budget, its limit, what is left of it, and when it starts anew. */
export function spentText(
  { claim, total }: { readonly claim: Claim; readonly total: Total },
  microUsd: number,
): string {
  const { name, period, limitMicroUsd } = claim
  const end = endOfPeriod(period)
  const anew = end === undefined ? 'it never starts anew' : `it starts anew at ${end}`
  const limit = `budget ${name} of ${usdText(limitMicroUsd)}${period === 'total' ? '' : ` for ${period} (UTC)`}`
  if (microUsd > limitMicroUsd) {
    return `${limit} is smaller than this call, which may cost ${usdText(microUsd)}; ${anew}`
  }
  const { settledMicroUsd, heldMicroUsd } = total
  const spent = `${usdText(settledMicroUsd)} are spent and ${usdText(heldMicroUsd)} held by calls under way`
  return `${limit} has no room for this call, which may cost ${usdText(microUsd)}: ${spent}; ${anew}`
}
