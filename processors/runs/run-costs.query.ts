import type { RunCosts } from '#processors/budgets/settle-calls.reactor.ts'
import type { Tables } from '#processors/ports/table-store.ts'

/** What each call of a run did cost, as far as it is recorded, from the lookup store. */
export function runCostsOf(tables: Tables, run: string): RunCosts | undefined {
  const row = tables.get<{ status: string }>('SELECT status FROM runs WHERE run = ?', run)
  if (row === undefined) return undefined
  const attempts = tables.all<Omit<RunCosts['attempts'][number], 'estimated'> & { estimated: number }>(
    `SELECT attempt, status, code, cost_micro_usd AS costMicroUsd, usage_estimated AS estimated
     FROM attempts WHERE run = ?`,
    run,
  )
  return {
    ended: row.status === 'done',
    attempts: attempts.map((one) => ({ ...one, estimated: one.estimated === 1 })),
  }
}
