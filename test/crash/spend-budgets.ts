/**
 * Four processes, 64 callers each, at the edge of two budgets, killed and started again: what the log grants is added up
 * again by a script that shares no code with the fold (R12).
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { settleCalls } from '#processors/budgets/settle-calls.reactor.ts'
import { decodeRecords } from '#processors/journal/read.ts'
import type { BudgetRule } from '#processors/ports/budget-rules.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import { type Opener, openedBy } from '#test/contracts/opener.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type BudgetRecord, grantedIn } from '#test/processors/budgets/re-add.ts'
import { budgetsOn, laneOf, type SpendLine, type SpendTask, teamOf } from './budget-spender.ts'

const processes = 4
const callers = 64
const kills = 6
const patience = { deadlineMs: 60_000 }
const rules: readonly BudgetRule[] = [
  { name: 'llm', limitMicroUsd: 60_000, period: 'total' },
  { name: 'team', limitMicroUsd: 20_000, period: 'total', tag: { name: 'team', value: 'a' } },
]

export function describeSpending(name: string, openerOf: () => Opener): void {
  describe(name, () => {
    test('[budget.exact] four processes of 64 callers at the edge, killed six times: granted never exceeds a limit', async () => {
      const opener = openerOf()
      const lines = await spendAndKill(opener)
      const log = await (await openedBy(opener)).openEventLog(opener.given)
      try {
        const said = lines.flatMap((line) => ('granted' in line ? [line.granted] : []))
        const refused = refusalsIn(lines)
        const records = await recordsOf(log)
        const { granted, most, open } = grantedIn(records)
        const reservations = new Map(records.map(({ id, data }) => [id, data.reservation]))
        const inLog = new Set([...granted].map((id) => reservations.get(id)))
        expect(said.filter((reservation) => !inLog.has(reservation))).toEqual([])
        for (const { name: budget, limitMicroUsd } of rules) {
          expect(most.get(`${budget} total`), budget).toBeLessThanOrEqual(limitMicroUsd)
          // At the edge: no more than one call's most is left.
          expect(most.get(`${budget} total`), budget).toBeGreaterThan(limitMicroUsd - 200)
        }
        expect(said.length).toBeGreaterThan(200)
        expect(refused).toBeGreaterThan(200)
        expect(records.filter(({ id, type }) => type === 'budget.reserved' && !granted.has(id)).length).toBeGreaterThan(
          0,
        )

        expect(open.length).toBeGreaterThan(0)
        await sweepUntilClosed(log)
        expect(grantedIn(await recordsOf(log)).open).toEqual([])
      } finally {
        await log.close()
      }
    }, 240_000)
  })
}

async function spendAndKill(opener: Opener): Promise<readonly SpendLine[]> {
  const lines: SpendLine[] = []
  let started = 0
  const start = (): Spender => startSpender({ opener, name: `p${started++}`, callers, rules }, lines)
  const spenders = Array.from({ length: processes }, start)
  try {
    await Promise.all(spenders.map(({ ready }) => ready))
    for (let kill = 0; kill < kills; kill += 1) {
      // Half of them on the way to the edge, half of them at it, however fast machine and log are.
      const [grants, refusals] = kill < kills / 2 ? [30 * (kill + 1), 0] : [0, 20 * (kill + 1)]
      await eventually(`kill ${kill}`, () => grantsIn(lines) >= grants && refusalsIn(lines) >= refusals, patience)
      await sleep(Math.random() * 300)
      const index = kill % processes
      await spenders[index]?.kill()
      spenders[index] = start()
    }
    await Promise.all(spenders.map(({ ready }) => ready))
    await eventually('who is of no team is refused too', () => refusalsIn(lines, 'of no team') > 200, patience)
    return lines
  } finally {
    await Promise.all(spenders.map((one) => one.kill()))
  }
}

function grantsIn(lines: readonly SpendLine[]): number {
  return lines.filter((line) => 'granted' in line).length
}

function refusalsIn(lines: readonly SpendLine[], whose?: 'of no team'): number {
  const spent = lines.flatMap((line) => ('code' in line && line.code === 'budget-spent' ? [line.refused] : []))
  return whose === undefined ? spent.length : spent.filter((run) => teamOf(laneOf(run)) === undefined).length
}

interface Spender {
  readonly ready: Promise<void>
  kill(): Promise<void>
}

function startSpender(task: SpendTask, lines: SpendLine[]): Spender {
  const file = fileURLToPath(new URL('budget-spender.ts', import.meta.url))
  const child = spawn(process.execPath, [file, JSON.stringify(task)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  const ended = new Promise<void>((end) => child.once('close', () => end()))
  void ended.then(() => reject(new Error('the spender ended by itself')))
  ready.catch(() => {})
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = lineOf(text)
    if (line !== undefined && 'ready' in line) resolve()
    else if (line !== undefined) lines.push(line)
  })
  return {
    ready,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** The last line of a killed process may be cut. */
function lineOf(text: string): SpendLine | undefined {
  try {
    return JSON.parse(text) as SpendLine
  } catch {
    return undefined
  }
}

async function recordsOf(log: EventLog): Promise<BudgetRecord[]> {
  const codec = await openCodec(catalogSchemaIds())
  const records: BudgetRecord[] = []
  for await (const batch of log.read({ topic: 'budgets.v1', partition: 0, offset: 0 })) {
    for (const event of await decodeRecords(codec, batch, { topic: 'budgets.v1', partition: 0, wants: () => true })) {
      if ('bad' in event) throw new Error(event.bad)
      records.push({ id: event.envelope.id, type: event.type, data: event.data } as BudgetRecord)
    }
  }
  return records
}

/** Every run has ended by now; of those without a settlement nobody knows what they cost. */
async function sweepUntilClosed(log: EventLog): Promise<void> {
  const budgets = await budgetsOn(log, rules)
  const lost = { attempt: 1, status: 'started', code: null, costMicroUsd: 0, estimated: false } as const
  const clock = { monotonic: () => 0 }
  const settler = settleCalls({ budgets, clock, runCosts: () => Promise.resolve({ ended: true, attempts: [lost] }) })
  await settler.sweep()
  await settler.sweep()
  await budgets.close()
}
