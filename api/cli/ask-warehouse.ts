import { Failure } from '#processors/ports/failure.ts'
import { formatToken } from '#schemas/position.ts'
import type { Position } from '#schemas/position.ts'
import type { Opened } from '#api/opened.ts'
import type { CliContext } from './command.ts'
import { needOwner } from './owner.ts'

/**
 * Asks the warehouse one question: here where this process owns it, else of who does.
 *
 * Promise: the answer has all of the log as it was when the question was asked.
 */
export async function askWarehouse(context: CliContext, opened: Opened, question: Question): Promise<Answer> {
  const from = await endsOf(opened)
  const isOurs = opened.lattice.owned.some(({ name }) => name === 'warehouse')
  if (!isOurs) return askOwner(context, opened, { ...question, from })
  return askHere(opened, question, { from, signal: context.signal })
}

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
  context: CliContext,
  { lattice }: Opened,
  { from, ...question }: Question & { from: readonly Position[] },
): Promise<Answer> {
  const { id } = lattice.given.log
  const owner = await needOwner(context, lattice, 'warehouse')
  const at = from.length === 0 ? '' : `?at=${encodeURIComponent(formatToken(id, from))}&wait=${ownerWaitMs}`
  return (await owner.post(`/v1/sql${at}`, question)) as Answer
}
