import type { Journal, PreparedEvent } from '#processors/journal/journal.ts'
import type { BudgetRule } from '#processors/ports/budget-rules.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import type { EventData } from '#schemas/event.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { type BudgetFeed, openBudgetFeed } from './budget-feed.ts'
import { type Claim, claimsOf, type Spender } from './claims.ts'
import { wouldGrant } from './fold.ts'
import type { BookRows } from './memory-book.ts'
import type { Prices } from './prices.ts'
import { quote, type QuotedCall } from './quote.ts'
import { spentRemedy, spentText } from './spent-text.ts'

/**
 * Asks for the money of a call before it is made, and says afterwards what it cost.
 *
 * Promise (`budget.exact`, R12): a call is granted only by the fold, after its own reservation is read back; without an
 * answer in time the reservation is released and nobody is called. What the fold already knows to be spent is refused
 * without an event. A call no budget names, and one that costs nothing, costs nothing here either: no event, no wait.
 */
export interface Budgets {
  readonly rules: readonly BudgetRule[]
  reserve(call: AskedCall, signal: AbortSignal): Promise<Asked>
  /** What a call would be told now, before anything is on the log. Errors: `budget.spent`, `budget.unpriced`. */
  check(call: Spender & QuotedCall): Promise<void>
  settle(settled: EventData['budget.settled'], id?: string): Promise<void>
  /** The live view; the first use begins to read. Errors: those of `EventLog.bounds`. */
  feed(): Promise<BudgetFeed>
  close(): Promise<void>
}

export interface AskedCall extends Spender, QuotedCall {
  readonly run: string
  readonly attempt: number
}

export type Asked =
  | { readonly granted: true; readonly reservation?: string }
  | {
      readonly granted: false
      readonly code: 'budget-spent' | 'budget-unpriced' | 'budget-unavailable'
      readonly message: string
    }

export const answerWithinMs = 5000

export interface BudgetPorts {
  readonly log: EventLog
  readonly codec: Codec
  readonly journal: Journal
  readonly clock: Clock
  readonly report: Report
  readonly rules: readonly BudgetRule[]
  readonly prices: Prices
  /** The state as a store has it, to read on from; undefined where there is none. */
  readonly restore: () => Promise<{ rows: BookRows; next: number; lastId: string } | undefined>
}

export function openBudgets(ports: BudgetPorts): Budgets {
  const { log, codec, journal, clock, report, rules, prices } = ports
  const underWay = new Set<Promise<unknown>>()
  const ended = new AbortController()
  let opening: Promise<BudgetFeed> | undefined

  function keep<T>(work: Promise<T>): Promise<T> {
    const kept = work.finally(() => underWay.delete(kept)).catch(() => {})
    underWay.add(kept)
    return work
  }

  async function open(): Promise<BudgetFeed> {
    const from = await ports.restore().catch(() => undefined)
    if (ended.signal.aborted) throw new Failure('log.closed', 'the process is stopping')
    const onStopped = ({ code, message }: Failure): void => {
      opening = undefined
      report({ signal: 'reactor.failed', reactor: 'budgets', code, message })
    }
    return openBudgetFeed({ log, codec, from, onStopped })
  }

  async function feed(): Promise<BudgetFeed> {
    if (opening !== undefined) return opening
    const opened = open().then(async (one) => {
      await one.catchUp()
      return one
    })
    opening = opened
    opened.catch(() => {
      if (opening === opened) opening = undefined
    })
    return opened
  }

  async function append(prepared: PreparedEvent): Promise<void> {
    const [position] = await journal.append([prepared])
    const live = await opening?.catch(() => undefined)
    if (position !== undefined) live?.appended(position.offset, prepared.event)
  }

  async function prepare(reservation: string, data: EventData['budget.reserved']): Promise<PreparedEvent> {
    const [prepared] = await journal.prepare([{ type: 'budget.reserved', subject: reservation, data }])
    if (prepared === undefined) throw new Failure('internal', 'nothing was prepared')
    return prepared
  }

  async function settle(data: EventData['budget.settled'], id?: string): Promise<void> {
    const event = {
      type: 'budget.settled',
      subject: data.reservation,
      data,
      ...(id === undefined ? {} : { id }),
    } as const
    const [prepared] = await journal.prepare([event])
    if (prepared !== undefined) await keep(append(prepared))
  }

  /** Append, read back, and the fold decides. */
  async function ask(call: AskedCall, asked: { budgets: readonly Claim[]; microUsd: number }): Promise<Asked> {
    const live = await feed()
    const now = wouldGrant(live.book, asked.budgets, asked.microUsd)
    if (!now.granted) return { granted: false, code: 'budget-spent', message: spentText(now, asked.microUsd) }

    const { run, attempt, provider, model } = call
    const reservation = reservationOf(run, attempt)
    const prepared = await prepare(reservation, { reservation, run, attempt, provider, model, ...asked })
    const { verdict, forget } = live.verdictOn(prepared.event.id)
    try {
      await append(prepared)
      const said = await verdict
      if (said.granted) return { granted: true, reservation }
      if (said.why === 'spent')
        return { granted: false, code: 'budget-spent', message: spentText(said, asked.microUsd) }
      return unavailable(`the money of this call was ${said.why === 'taken' ? 'asked for twice' : 'released before'}`)
    } finally {
      forget()
    }
  }

  function unavailable(reason: string): Asked {
    return { granted: false, code: 'budget-unavailable', message: `nobody could be charged for this call: ${reason}` }
  }

  /** Before or after the reservation in the log, it closes it. Where it can't be written, the sweep does at the run's end. */
  function release({ run, attempt }: AskedCall): void {
    const none = { microUsd: 0, estimated: false, reason: 'released' } as const
    settle({ reservation: reservationOf(run, attempt), run, ...none }).catch(() => {})
  }

  async function askInTime(
    call: AskedCall,
    asked: { budgets: readonly Claim[]; microUsd: number },
    signal: AbortSignal,
  ): Promise<Asked> {
    const over = new AbortController()
    const stop = (): void => over.abort()
    signal.addEventListener('abort', stop, { once: true })
    const late = clock.sleep(answerWithinMs, over.signal).then(() => 'late' as const)
    const asking = keep(ask(call, asked).catch((error: unknown) => ({ failed: messageOf(error) })))
    try {
      const first = signal.aborted ? 'late' : await Promise.race([asking, late])
      if (first !== 'late' && !('failed' in first)) return first
      const reason = first === 'late' ? `no answer within ${answerWithinMs} ms` : first.failed
      release(call)
      return unavailable(signal.aborted ? 'it was stopped' : reason)
    } finally {
      signal.removeEventListener('abort', stop)
      over.abort()
    }
  }

  return {
    rules,
    feed,
    settle,
    async reserve(call, signal) {
      const budgets = claimsOf(rules, call, clock.now())
      if (budgets.length === 0) return { granted: true }
      const quoted = quote(call, prices.of(call.provider, call.model))
      if (quoted.is === 'free') return { granted: true }
      if (quoted.is === 'unpriced')
        return {
          granted: false,
          code: 'budget-unpriced',
          message: `${unpricedText(quoted.reason, budgets)}; lattice.toml lacks ${quoted.lines.replaceAll('\n', ' ')}`,
        }
      return askInTime(call, { budgets, microUsd: quoted.microUsd }, signal)
    },
    async check(call) {
      const budgets = claimsOf(rules, call, clock.now())
      if (budgets.length === 0) return
      const quoted = quote(call, prices.of(call.provider, call.model))
      if (quoted.is === 'free') return
      if (quoted.is === 'unpriced')
        throw new Failure('budget.unpriced', unpricedText(quoted.reason, budgets), {
          remedy: `${unpricedRemedy}\n${quoted.lines}`,
        })
      const said = wouldGrant((await feed()).book, budgets, quoted.microUsd)
      if (said.granted) return
      throw new Failure('budget.spent', spentText(said, quoted.microUsd), {
        remedy: spentRemedy(said, quoted.microUsd),
      })
    },
    async close() {
      ended.abort()
      const live = await opening?.catch(() => undefined)
      await Promise.allSettled(underWay)
      await live?.close()
    },
  }
}

export function reservationOf(run: string, attempt: number): string {
  return `${run}:${attempt}`
}

const unpricedRemedy =
  'where a price is known, max_tokens in the request is enough; else put these lines into lattice.toml and start anew:'

function unpricedText(reason: string, budgets: readonly Claim[]): string {
  return `${reason}, and budget ${budgets[0]?.name} counts this call: it is not made`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
