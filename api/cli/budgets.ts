import { listBudgets } from '#processors/budgets/budgets.query.ts'
import type { CliAction } from './command.ts'

/** `lattice budgets`: what calls may still cost, as the lookup store has it. */
export const budgets: CliAction = async (context) => {
  const { print, options } = context
  const opened = await context.open({ role: 'budgets', stores: ['lookup'], quiet: true })
  try {
    const { log, clock, settings } = opened.lattice.given
    const [bounds] = await log.bounds('budgets.v1')
    const end = { topic: 'budgets.v1', partition: 0, offset: (bounds?.next ?? 0) - 1 } as const
    const lookup = opened.store('lookup')
    if (end.offset >= 0 && !(await lookup.reached([end], waitMs))) print.note('the lookup store is behind the log')
    const all = await lookup.query((tables) => listBudgets(tables, settings.budgets, clock.now()))
    if (options['json'] === true) print.json({ budgets: all })
    else if (all.length === 0)
      print.out('no budget is configured: set LLM_BUDGET_USD, or [budgets.<name>] in lattice.toml')
    else {
      const rows = all.map(({ name, period, limitUsd, settledUsd, heldUsd, leftUsd, resetsAt }) => ({
        name,
        period,
        limit: limitUsd,
        spent: settledUsd,
        held: heldUsd,
        left: leftUsd,
        resets: resetsAt ?? 'never',
      }))
      print.table(rows)
    }
    return 0
  } finally {
    await opened.close()
  }
}

const waitMs = 10_000
