import { readFile } from 'node:fs/promises'
import { counterfactualReport } from '#api/counterfactual-report.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { CliContext, ExitCode } from './command.ts'
import { askWarehouse } from './ask-warehouse.ts'
import { counted } from './counted.ts'
import { wholeNumber } from './number.ts'
import { answer } from './command.ts'
import { counterfactualText } from './counterfactual-text.ts'
import { wholeId } from './whole-id.ts'

/**
 * `lattice replay --run <id> --model <other>`, or `--runs "<sql where>"` over the view `runs`: past runs on another model or
 * under another system prompt, and each beside what it was.
 *
 * Promise: of the past runs nothing changes. Exit codes: 0 every one was carried out again, however it ended · 1 some could
 * not be, or none was found · 130 interrupted, with the report of what was done.
 */
export async function replayPast(context: CliContext): Promise<ExitCode> {
  const { options, print, signal } = context
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
  const model = text('model')
  const system = await systemOf(text('system'), text('promptFile'))
  if (model === undefined && system === undefined) {
    throw new Failure('request.invalid', 'nothing is to be different', {
      remedy: 'Name another model by --model, or another system prompt by --system or --prompt-file.',
    })
  }
  const limit = wholeNumber(context, 'limit', { least: 1, most: 10_000 }) ?? 50
  const concurrency = wholeNumber(context, 'concurrency', { least: 1, most: 64 }) ?? 4
  const where = text('runs')
  const opened = await context.open({
    role: 'replay',
    stores: ['lookup', 'folders', ...(where === undefined ? [] : (['warehouse'] as const))],
    existing: true,
    quiet: true,
  })
  const progress = print.progress()
  try {
    const run = text('run')
    const runIds = [
      ...(run === undefined ? [] : [wholeId(context.loaded.config.runsDir, run)]),
      ...(where === undefined ? [] : await runsWhere(context, opened, { where, limit })),
    ]
    if (signal.aborted) return 130
    const compared = await opened.gateway.counterfactual(runIds, {
      model,
      system,
      concurrency,
      gone: signal,
      principal: 'local',
      onDone: (done, total) => progress.show('runs', done, total),
    })
    progress.stop()
    answer(context, counterfactualReport(compared, { model, system }), counterfactualText(compared))
    for (const { runId, reason } of compared.skipped) print.note(`left out ${runId}: ${reason}`)
    if (runIds.length === 0) print.note('no runs')
    print.note(`${counted(compared.pairs.length, 'run')} compared; replay_set ${compared.set}`)
    if (signal.aborted) return 130
    return compared.skipped.length > 0 || runIds.length === 0 ? 1 : 0
  } finally {
    progress.stop()
    await opened.close()
  }
}

async function systemOf(system: string | undefined, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return system
  if (system !== undefined) throw new Failure('request.invalid', '--system and --prompt-file say the same')
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new Failure('request.invalid', `--prompt-file: ${(error as Error).message}`)
  })
}

/** Newest first. The condition stands between brackets and lines of its own, so that a comment ends in it. */
async function runsWhere(
  context: CliContext,
  opened: Parameters<typeof askWarehouse>[1],
  { where, limit }: { where: string; limit: number },
): Promise<readonly string[]> {
  const sql = `SELECT run FROM runs WHERE status = 'done' AND (\n${where}\n) ORDER BY submitted_at DESC, run LIMIT ${limit}`
  const { rows } = await askWarehouse(context, opened, { sql, maxRows: limit, timeoutMs: 60_000 })
  return rows.map(([run]) => String(run))
}
