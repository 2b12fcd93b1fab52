import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { storeNames } from '#processors/catalog.ts'
import { getRun } from '#processors/runs/runs.query.ts'
import type { Position } from '#schemas/position.ts'
import type { Opened } from '#api/opened.ts'
import type { CliAction, CliContext } from './command.ts'
import { examine } from './doctor.ts'

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
  const broken = findings.filter(({ state }) => state === 'broken')
  for (const { what, detail, remedy } of broken) context.print.error(`${what}: ${detail}`, remedy)
  if (broken.length > 0) return 1

  const opened = await context.open({ role: 'verify', stores: storeNames, quiet: true })
  try {
    const checks = await throughEveryStore(opened, context)
    if (context.options['json'] === true) context.print.json({ checks })
    else for (const { what, ok, detail } of checks) context.print.out(`${ok ? '✓' : '✗'} ${what}: ${detail}`)
    return checks.every(({ ok }) => ok) ? 0 : 1
  } finally {
    await opened.close()
  }
}

async function throughEveryStore({ tasks, lattice }: Opened, { loaded, signal }: CliContext): Promise<Check[]> {
  const request = { prompt: 'verify: is the whole way open?', model: 'lattice/extract', tags: { verify: 'true' } }
  const submitted = await tasks.submit(request, { principal: 'local', interactive: true })
  const carried = await tasks.carryOutNow(submitted, signal)
  if (carried.is !== 'done') return [{ what: 'run', ok: false, detail: `it was ${carried.is}` }]
  const { runId } = submitted
  const checks: Check[] = [
    { what: 'run', ok: carried.state.outcome === 'accepted', detail: `${runId} ${carried.state.outcome} on ${lattice.given.log.backend}` },
  ]
  const { lookup, warehouse, folders } = lattice.stores
  checks.push(
    await check('lookup', lookup, carried.position, async () => {
      const run = await lookup?.query((tables) => getRun(tables, runId))
      return run?.outcome === 'accepted' ? 'the run is there, accepted' : undefined
    }),
    await check('warehouse', warehouse, carried.position, async () => {
      const rows = await warehouse?.query((columns) => columns.query('SELECT count(*) AS n FROM events WHERE run = ? AND accepted', [runId]))
      return Number(rows?.[0]?.['n'] ?? 0) > 0 ? `${String(rows?.[0]?.['n'])} events` : undefined
    }),
    await check('folders', folders, carried.position, async () => {
      const file = join(loaded.config.runsDir, runId, 'run.jsonl')
      return existsSync(file) ? file : undefined
    }),
  )
  return checks
}

async function check(
  what: string,
  store: { reached(positions: readonly Position[], waitMs: number): Promise<boolean> } | undefined,
  at: Position,
  look: () => Promise<string | undefined>,
): Promise<Check> {
  if (store === undefined) return { what, ok: false, detail: 'not open here' }
  try {
    if (!(await store.reached([at], waitMs))) return { what, ok: false, detail: 'it did not catch up' }
    const seen = await look()
    return { what, ok: seen !== undefined, detail: seen ?? 'the run is not there' }
  } catch (error) {
    return { what, ok: false, detail: error instanceof Error ? error.message : String(error) }
  }
}
