/** More than a call can have: what says more counts nothing, and its sums could not be written down. */
const mostTokens = 1e9

/** A number of tokens as a model server tells it; undefined for what is none. */
export function tokenCount(told: unknown): number | undefined {
  return typeof told === 'number' && Number.isInteger(told) && told >= 0 && told <= mostTokens ? told : undefined
}
