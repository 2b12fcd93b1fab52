import { Failure, isFailure } from '#processors/ports/failure.ts'
import { formatToken } from '#schemas/position.ts'
import type { Position } from '#schemas/position.ts'
import type { Opened } from '#api/opened.ts'
import type { CliContext } from './command.ts'
import { findOwner, ownedElsewhere } from './owner.ts'
import type { Owner } from './owner.ts'
import { pause } from './run-log.ts'

/**
 * Asks the warehouse one question: here where this process owns it, else of who does.
 *
 * Promise: the answer has all of the log as it was when the question was asked. A command that owns it for a moment is
 * waited for, and where that takes long the reader is told for whom.
 */
export async function askWarehouse(context: CliContext, opened: Opened, question: Question): Promise<Answer> {
  const from = await endsOf(opened)
  const { lattice } = opened
  const isOurs = (): boolean => lattice.owned.some(({ name }) => name === 'warehouse')
  const { clock } = lattice.given
  const began = clock.monotonic()
  let told = false
  for (;;) {
    const owner = isOurs() ? undefined : await findOwner(context, lattice, 'warehouse')
    if (owner !== undefined) return askOwner(owner, { ...question, from, logId: lattice.given.log.id })
    try {
      return await askHere(opened, question, { from, signal: context.signal })
    } catch (error) {
      if (isOurs() || !isFailure(error, 'store.locked')) throw error
      const waitedMs = clock.monotonic() - began
      const theirs = ownedElsewhere(context, lattice, 'warehouse')
      if (context.signal.aborted || waitedMs >= ownerEndsWithinMs) throw theirs
      if (!told && waitedMs >= tellAfterMs) context.print.note(`${theirs.message}: waiting for its end`)
      told ||= waitedMs >= tellAfterMs
      await pause(lookAgainMs, context.signal)
    }
  }
}

/** For another command that has it to end: on a busy machine each takes seconds, and several may be before this one. */
const ownerEndsWithinMs = 60_000
const tellAfterMs = 5_000
const lookAgainMs = 100

interface Question {
  readonly sql: string
  readonly maxRows: number
  readonly timeoutMs: number
}

interface Answer {
  readonly columns: readonly { readonly name: string }[]
  readonly rows: readonly (readonly unknown[])[]
  readonly truncated: boolean
}

async function endsOf({ lattice: { given, definitions } }: Opened): Promise<Position[]> {
  const ends = await Promise.all(
    definitions.warehouse.topics.map(async (topic) =>
      (await given.log.bounds(topic)).map(({ partition, next }) => ({ topic, partition, offset: next - 1 })),
    ),
  )
  return ends.flat().filter(({ offset }) => offset >= 0)
}

/** Long enough to build it from nothing. */
const foldWithinMs = 3_600_000
const ownerWaitMs = 30_000

async function askHere(
  opened: Opened,
  { sql, ...limits }: Question,
  at: { from: readonly Position[]; signal: AbortSignal },
): Promise<Answer> {
  if (!(await opened.store('warehouse').reached(at.from, foldWithinMs, at.signal))) {
    throw new Failure('position.not-reached', 'the warehouse did not catch up', { remedy: 'look at: lattice status' })
  }
  return opened.lattice.sql.ask(sql, { ...limits, ...at })
}

async function askOwner(
  owner: Owner,
  { from, logId, ...question }: Question & { readonly from: readonly Position[]; readonly logId: string },
): Promise<Answer> {
  const at = from.length === 0 ? '' : `?at=${encodeURIComponent(formatToken(logId, from))}&wait=${ownerWaitMs}`
  return (await owner.post(`/v1/sql${at}`, question)) as Answer
}
