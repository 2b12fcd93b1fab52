import type { Budgets } from '#processors/budgets/budgets.ts'
import { fitParameters } from '#processors/models/fit-parameters.ts'
import type { RunSpec } from './run.ts'

/**
 * Refuses a run before anything of it is on the log, where its first call would not be paid for now.
 *
 * Errors: `budget.spent`, `budget.unpriced`. It grants nothing: each call asks for itself (R12). What is retrieved later
 * is not in the prompt yet, so a run at the very edge may still end as `budget-spent`.
 */
export function admitBy(budgets: Pick<Budgets, 'check'>) {
  return async ({ ladder, messages, parameters, principal, tags }: RunSpec): Promise<void> => {
    const first = ladder[0]?.choices[0]
    if (first === undefined || typeof messages !== 'string') return
    const asked = fitParameters(first.model, JSON.parse(parameters) as Record<string, unknown>)
    await budgets.check({ ...first, messages, parameters: JSON.stringify(asked), principal, tags })
  }
}
