import { join } from 'node:path'
import { getRun } from '#processors/runs/runs.query.ts'
import { formatToken } from '#schemas/position.ts'
import type { Position } from '#schemas/position.ts'
import type { Opened } from '#api/opened.ts'
import type { CliAction, CliContext } from './command.ts'
import { counted } from './counted.ts'
import { examine, risk } from './doctor.ts'
import { needOwner } from './owner.ts'
import { folderReached } from './run-log.ts'

/**
 * `lattice verify`: doctor, then one task through every store on the configured log.
 *
 * The task asks the built-in model, so it costs nothing; it stays on the log like any other, tagged `verify`.
 */
interface Check {
  readonly what: string
  readonly ok: boolean
  readonly detail: string
}

const waitMs = 15_000

export const verify: CliAction = async (context) => {
  const findings = await examine(context)
  for (const { what, detail } of findings) if (what === risk) context.print.note(`${what}: ${detail}`)
  const broken = findings.filter(({ state }) => state === 'broken')
  // The task asks the built-in model, so that providers are told of and stop nothing.
  const ofModels = broken.filter(({ what }) => /^(provider |models$)/.test(what))
  for (const { what, detail, remedy = '' } of ofModels) context.print.note(`${what}: ${detail} ${remedy}`.trimEnd())
  const stopping = broken.filter((one) => !ofModels.includes(one))
  for (const { what, detail, remedy } of stopping) context.print.error(`${what}: ${detail}`, remedy)
  if (stopping.length > 0) return 1

  const opened = await context.open({ role: 'verify', stores: 'all', quiet: true })
  try {
    const checks = await throughEveryStore(opened, context)
    if (context.options['json'] === true) context.print.json({ checks })
    else for (const { what, ok, detail } of checks) context.print.out(`${ok ? '✓' : '✗'} ${what}: ${detail}`)
    return checks.every(({ ok }) => ok) ? 0 : 1
  } finally {
    await opened.close()
  }
}

async function throughEveryStore(opened: Opened, context: CliContext): Promise<Check[]> {
  const { tasks, lattice } = opened
  const request = { prompt: 'verify: is the whole way open?', model: 'lattice/extract', tags: { verify: 'true' } }
  const submitted = await tasks.submit(request, { principal: 'local', interactive: true })
  const carried = await tasks.carryOutNow(submitted, context.signal)
  if (carried.is !== 'done') return [{ what: 'run', ok: false, detail: `it was ${carried.is}` }]
  const { runId } = submitted
  const checks: Check[] = [
    {
      what: 'run',
      ok: carried.state.outcome === 'accepted',
      detail: `${runId} ${carried.state.outcome} on ${lattice.given.log.backend}`,
    },
  ]
  const { lookup, warehouse } = lattice.stores
  const { position } = carried
  const log = join(context.loaded.config.runsDir, runId, 'run.jsonl')
  return [
    ...checks,
    await check('lookup', async () => {
      if (!(await lookup?.reached([position], waitMs))) return undefined
      const run = await lookup?.query((tables) => getRun(tables, runId))
      return run?.outcome === 'accepted' ? 'the run is there, accepted' : undefined
    }),
    await check('warehouse', async () => {
      const isOurs = lattice.owned.some(({ name }) => name === 'warehouse')
      if (isOurs && !(await warehouse?.reached([position], waitMs))) return undefined
      const count = await (isOurs ? countHere(opened, runId) : countThere(opened, context, { runId, position }))
      return count > 0 ? counted(count, 'event') : undefined
    }),
    await check('folders', async () => ((await folderReached(lattice, { position, log, waitMs })) ? log : undefined)),
  ]
}

const countEvents = 'SELECT count(*) AS n FROM events WHERE run = ? AND accepted'

async function countHere({ store }: Opened, runId: string): Promise<number> {
  const rows = await store('warehouse').query((columns) => columns.query(countEvents, [runId]))
  return Number(rows[0]?.['n'] ?? 0)
}

/** Asked of the process that owns the warehouse. */
async function countThere(
  { lattice }: Opened,
  context: CliContext,
  { runId, position }: { runId: string; position: Position },
): Promise<number> {
  const owner = await needOwner(context, lattice, 'warehouse')
  const at = encodeURIComponent(formatToken(lattice.given.log.id, [position]))
  const { rows } = (await owner.post(`/v1/sql?at=${at}&wait=${waitMs}`, { sql: countEvents, values: [runId] })) as {
    rows: readonly (readonly unknown[])[]
  }
  return Number(rows[0]?.[0] ?? 0)
}

/** `look` says what it saw, or nothing. */
async function check(what: string, look: () => Promise<string | undefined>): Promise<Check> {
  try {
    const seen = await look()
    return { what, ok: seen !== undefined, detail: seen ?? 'the run is not there' }
  } catch (error) {
    return { what, ok: false, detail: error instanceof Error ? error.message : String(error) }
  }
}
