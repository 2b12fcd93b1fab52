/**
 * A process whose callers ask for money as fast as they are answered, until it is killed.
 *
 * Promise: a line is printed only after the answer, so what a killed process said it was granted must be granted in the
 * log. Some callers go without settling, as a caller who dies does.
 */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSystemClock } from '#infra/system/system-clock.ts'
import { type Budgets, openBudgets } from '#processors/budgets/budgets.ts'
import { openPrices } from '#processors/budgets/prices.ts'
import { openJournal } from '#processors/journal/journal.ts'
import type { BudgetRule } from '#processors/ports/budget-rules.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import { unaltered } from '#test/processors/journal/unaltered.ts'
import { type Opener, openedBy } from '#test/contracts/opener.ts'

export interface SpendTask {
  readonly opener: Opener
  readonly name: string
  readonly callers: number
  readonly rules: readonly BudgetRule[]
}

export type SpendLine =
  | { readonly ready: true }
  | { readonly granted: string }
  | { readonly refused: string; readonly code: string }

/** One micro-dollar a token, so that a call of n tokens holds at most n and what its prompt takes. */
export const prices = openPrices({ rules: [{ pattern: 'p/m', input: 0, output: 1 }], isLocal: () => false })

export async function budgetsOn(log: EventLog, rules: readonly BudgetRule[]): Promise<Budgets> {
  const codec = await openCodec(catalogSchemaIds())
  const clock = createSystemClock()
  const report = (): void => {}
  const journal = openJournal({
    log,
    codec,
    clock,
    report,
    ...unaltered,
    source: '/lattice/test/spender',
  })
  return openBudgets({ log, codec, journal, clock, report, rules, prices, restore: () => Promise.resolve(undefined) })
}

/** Every other caller is of a team, whose budget is the smaller one. */
export function teamOf(lane: number): string | undefined {
  return lane % 2 === 0 ? 'a' : undefined
}

/** Of a run, by its name. */
export function laneOf(run: string): number {
  return Number(run.split('-')[1])
}

function say(line: SpendLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

async function spend(task: SpendTask): Promise<void> {
  process.stdin.on('end', () => process.exit(1)).resume() // the parent is gone
  const log = await (await openedBy(task.opener)).openEventLog(task.opener.given)
  const budgets = await budgetsOn(log, task.rules)
  await budgets.feed()
  say({ ready: true })
  const signal = new AbortController().signal

  const caller = async (lane: number): Promise<void> => {
    for (let turn = 0; ; turn += 1) {
      const most = 1 + Math.floor(Math.random() * 200)
      const run = `${task.name}-${lane}-${turn}`
      const team = teamOf(lane)
      const parameters = JSON.stringify({ max_tokens: most })
      const who = { principal: 'local', tags: team === undefined ? {} : { team }, provider: 'p', model: 'm' }
      const asked = await budgets.reserve({ run, attempt: 1, ...who, messages: '[]', parameters }, signal)
      if (!asked.granted) {
        say({ refused: run, code: asked.code })
        await sleep(20 + Math.random() * 30)
        continue
      }
      say({ granted: asked.reservation ?? run })
      await sleep(Math.random() * 10)
      if (Math.random() < 0.02) continue
      const cost = Math.floor(Math.random() * (most + 1))
      const settled = { reservation: `${run}:1`, run, microUsd: cost, estimated: false, reason: 'used' }
      budgets.settle(settled).catch(() => {})
    }
  }
  await Promise.all(Array.from({ length: task.callers }, (_, lane) => caller(lane)))
}

if (import.meta.main) await spend(JSON.parse(process.argv[2] ?? '') as SpendTask)
