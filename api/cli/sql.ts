import { Failure } from '#processors/ports/failure.ts'
import { formatToken } from '#schemas/position.ts'
import type { Position } from '#schemas/position.ts'
import type { Opened } from '#api/opened.ts'
import type { CliAction, CliContext } from './command.ts'
import { counted } from './counted.ts'
import { wholeNumber } from './number.ts'
import { needOwner } from './owner.ts'

/**
 * `lattice sql`: one SELECT over the warehouse, locked down.
 *
 * Promise: the answer has all of the log as it was when the question was asked. Where another process owns the
 * warehouse, that one is asked.
 */
export const sqlCommand: CliAction = async (context) => {
  const {
    arguments: [sql = ''],
    options,
    print,
    signal,
  } = context
  const question: Question = {
    sql,
    maxRows: wholeNumber(context, 'limit', { least: 1, most: 100_000 }) ?? 1000,
    timeoutMs: wholeNumber(context, 'timeoutMs', { least: 1, most: 60_000 }) ?? 30_000,
  }
  const opened = await context.open({ role: 'sql', stores: ['warehouse'], existing: true, models: false, quiet: true })
  try {
    const { lattice } = opened
    const from = await endsOf(opened)
    const isOurs = lattice.owned.some(({ name }) => name === 'warehouse')
    const { columns, rows, truncated } = isOurs
      ? await askHere(opened, question, { from, signal })
      : await askOwner(context, opened, { ...question, from })
    const named = rows.map((row) =>
      Object.fromEntries(row.map((value, index) => [columns[index]?.name ?? '', plain(value)])),
    )
    if (options['json'] === true) for (const row of named) print.out(JSON.stringify(row))
    else print.table(named)
    if (named.length === 0) print.note('no rows')
    if (truncated) print.note(`cut off after ${counted(rows.length, 'row')}; --limit takes more`)
    return 0
  } finally {
    await opened.close()
  }
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

/** As JSON and people have it. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]))
}
