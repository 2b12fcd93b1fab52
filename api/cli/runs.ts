import { Failure } from '#processors/ports/failure.ts'
import { listRuns } from '#processors/runs/runs.query.ts'
import type { CliAction } from './command.ts'
import { wholeNumber } from './number.ts'

/** `lattice runs`: the last runs, newest first, with all that the log has of them by now. */
export const runs: CliAction = async (context) => {
  const { options, print, signal } = context
  const limit = wholeNumber(context, 'limit', { least: 1, most: 200 }) ?? 20
  if (!(await context.hasLog())) {
    if (options['json'] === true) print.json([])
    else
      print.note(`no runs yet: there is no log at ${context.loaded.config.log}; lattice run or lattice serve makes it`)
    return 0
  }
  const opened = await context.open({ role: 'runs', stores: ['lookup'], existing: true, models: false, quiet: true })
  try {
    const ends = (await opened.lattice.given.log.bounds('runs.v1'))
      .filter(({ next }) => next > 0)
      .map(({ partition, next }) => ({ topic: 'runs.v1', partition, offset: next - 1 }))
    if (!(await opened.store('lookup').reached(ends, foldWithinMs, signal))) {
      throw new Failure('position.not-reached', 'the lookup store did not catch up', {
        remedy: 'look at: lattice status',
      })
    }
    const page = await opened.store('lookup').query((tables) => listRuns(tables, { limit }))
    if (options['json'] === true) print.json(page.runs)
    else if (page.runs.length === 0) print.note('no runs yet')
    else {
      print.table(
        page.runs.map(({ runId, submittedAt, kind, status, outcome, reason, prompt }) => ({
          'run id': runId,
          when: submittedAt.slice(0, 19),
          kind,
          outcome: outcome ?? status,
          reason: outcome === 'accepted' || reason === outcome ? '' : reason,
          prompt: firstWords(prompt),
        })),
      )
    }
    return 0
  } finally {
    await opened.close()
  }
}

/** Long enough to fold a log of some size from nothing. */
const foldWithinMs = 60_000
const shownCharacters = 60

function firstWords(prompt: string): string {
  const line = prompt
    .slice(0, 4 * shownCharacters)
    .replaceAll(/\s+/g, ' ')
    .trim()
  return line.length <= shownCharacters ? line : `${line.slice(0, shownCharacters).toWellFormed().trimEnd()}…`
}
