/** `/v1/budgets`: what calls may cost, what they did cost, and what is left. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import { AtPosition, atPosition } from '#api/http/at-position.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { defaulted } from '#api/http/validate.ts'
import { listBudgets, listPeriods } from '#processors/budgets/budgets.query.ts'
import { storeOf } from './store-of.ts'

const orNull = Type.Union([Type.String(), Type.Null()])
const micro = (description: string) => Type.Integer({ description: `${description} Millionths of a US dollar.` })

const period = {
  period: Type.String({ description: '`2026-11-21T13`, `2026-11-21`, `2026-11` (UTC) or `total`.' }),
  limitMicroUsd: micro('What calls of the period may cost.'),
  settledMicroUsd: micro('What ended calls did cost.'),
  heldMicroUsd: micro('The most that calls under way may cost.'),
  leftMicroUsd: micro('What a next call may cost at most.'),
  limitUsd: Type.String(),
  settledUsd: Type.String(),
  heldUsd: Type.String(),
  leftUsd: Type.String(),
  granted: Type.Integer({ description: 'Calls that were let through.' }),
  refused: Type.Integer({ description: 'Calls the log refused; those refused without asking it are not counted.' }),
}

const Budget = Type.Object({
  name: Type.String(),
  every: Type.Enum(['hour', 'day', 'month', 'total']),
  ...period,
  principal: orNull,
  model: orNull,
  tag: orNull,
  resetsAt: orNull,
})

const Budgets = Type.Object({ budgets: Type.Array(Budget) }, { $id: 'Budgets' })
const BudgetPeriods = Type.Object({ periods: Type.Array(Type.Object(period)), next: orNull }, { $id: 'BudgetPeriods' })

export const budgetRoutes: AddRoutes = (http, opened) => {
  const { log, clock, settings } = opened.lattice.given
  const lookup = () => storeOf(opened, 'lookup')
  const view = () => ({ store: lookup(), log, topics: ['budgets.v1'] as const })
  for (const schema of [Budgets, BudgetPeriods]) http.addSchema(schema)

  http.get(
    '/v1/budgets',
    {
      schema: {
        operationId: 'listBudgets',
        summary: 'Budgets in their present period',
        tags: ['operations'],
        querystring: Type.Object(AtPosition, { additionalProperties: false }),
        response: answers(
          { 200: { description: 'Every configured budget.', schema: Budgets, headers: ['x-lattice-position'] } },
          ...codesOf.read,
        ),
      },
    },
    async (request, reply) => {
      await atPosition(request, reply, view())
      return { budgets: await lookup().query((tables) => listBudgets(tables, settings.budgets, clock.now())) }
    },
  )

  http.get(
    '/v1/budgets/:name/periods',
    {
      schema: {
        operationId: 'listBudgetPeriods',
        summary: 'Periods of one budget, newest first',
        description: 'Also of a budget that is configured no more.',
        tags: ['operations'],
        params: Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) }),
        querystring: Type.Object(
          {
            limit: defaulted(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
            cursor: Type.Optional(
              Type.String({ minLength: 1, maxLength: 32, description: '`next` of the page before.' }),
            ),
            ...AtPosition,
          },
          { additionalProperties: false },
        ),
        response: answers(
          { 200: { description: 'A page of periods.', schema: BudgetPeriods, headers: ['x-lattice-position'] } },
          ...codesOf.read,
        ),
      },
    },
    async (request, reply) => {
      await atPosition(request, reply, view())
      const { limit, cursor } = request.query
      const page = { limit, ...(cursor === undefined ? {} : { before: cursor }) }
      return lookup().query((tables) => listPeriods(tables, request.params.name, page))
    },
  )
}
