/** What a configuration says about money: budgets and prices, as they are handed to the processors. */

/** By UTC; `total` never starts anew. */
export type BudgetPeriod = 'hour' | 'day' | 'month' | 'total'

export const budgetPeriods = ['hour', 'day', 'month', 'total'] as const satisfies readonly BudgetPeriod[]

/** Counts every call that fits all it names. In `principal`, `model` and a tag's value `*` stands for any characters. */
export interface BudgetRule {
  readonly name: string
  readonly limitMicroUsd: number
  readonly period: BudgetPeriod
  readonly principal?: string
  /** Of `<provider>/<model>` or of the model alone. */
  readonly model?: string
  readonly tag?: { readonly name: string; readonly value: string }
}

/** US dollars a million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
  /** Input that was read from a cache; without it as `input`. */
  readonly cachedInput?: number
  /** Input that was written to one; without it as `input`. */
  readonly cacheWrite?: number
  /** The longest answer the model gives, in tokens, where the caller sets no limit. */
  readonly maxOutput?: number
}

export interface PriceRule extends Price {
  /** `<provider>/<model>`, with `*` for any characters. */
  readonly pattern: string
}
