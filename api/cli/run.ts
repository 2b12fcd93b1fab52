import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { Signal } from '#processors/ports/report.ts'
import type { TaskRequest } from '#processors/kinds/task/task.spec.ts'
import type { Opened } from '#api/opened.ts'
import type { CliAction, CliContext } from './command.ts'

/**
 * `lattice run`: one task, carried out in this process, on the log all the same.
 *
 * Promise: the answer alone is on stdout; notes, progress and paths are on stderr. A provider that is configured and
 * fails makes the run fail, by name and reason; it never falls silently to the built-in model.
 */
export const run: CliAction = async (context) => {
  const { loaded, print, signal } = context
  const { config } = loaded
  const opened = await context.open({
    role: 'run',
    stores: ['search', 'lookup', 'folders'],
    quiet: true,
    report: (one) => noteSignal(one, print.note),
  })
  try {
    if (config.useRag && context.options['rag'] !== false) await ingest(opened, config.ragMaxIngest, print.note)
    const { standsIn } = await opened.tasks.route()
    if (standsIn) print.note((await import('#processors/models/route-model.ts')).standInNotice)
    const submitted = await opened.tasks.submit(requestOf(context), { principal: 'local', interactive: true })
    const carried = await opened.tasks.carryOutNow(submitted, signal)
    if (carried.is !== 'done') return signal.aborted ? 130 : 1
    return await show(context, opened, submitted.runId, carried.position)
  } finally {
    await opened.close()
  }
}

async function ingest({ tasks, lattice }: Opened, max: number, note: (text: string) => void): Promise<void> {
  const { ingested, skipped, left } = await tasks.ingest(lattice.given.settings.folder, max)
  if (ingested > 0) note(`ingested ${ingested} document${ingested === 1 ? '' : 's'} of this folder`)
  for (const { path, reason } of skipped) note(`skipped ${path}: ${reason}`)
  if (left > 0) note(`left out ${left} documents beyond LATTICE_RAG_MAX_INGEST=${max}`)
}

function requestOf({ arguments: [prompt = ''], options }: CliContext): TaskRequest {
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
  const system = text('system')
  const validator = text('validator')
  return {
    prompt,
    ...(system === undefined ? {} : { system }),
    ...(validator === undefined ? {} : { validator }),
    ...(options['rag'] === false ? { retrieval: false } : {}),
  }
}

async function show(
  { print, options, loaded }: CliContext,
  { lattice }: Opened,
  runId: string,
  position: { topic: string; partition: number; offset: number },
): Promise<0 | 1> {
  const { stores } = lattice
  const { getRun } = await import('#processors/runs/runs.query.ts')
  const waitMs = 10_000
  const reached = await Promise.all([stores.lookup?.reached([position], waitMs), stores.folders?.reached([position], waitMs)])
  if (reached.includes(false)) throw new Failure('position.not-reached', 'the run is on the log, but the stores did not catch up')
  const view = await stores.lookup?.query((tables) => getRun(tables, runId))
  if (view === undefined) throw new Failure('run.unknown', `run ${runId} is not in the store`)
  const answer = view.answer ?? (view.answerSha256 === null ? '' : await openObject(lattice, view.answerSha256))
  const folder = join(loaded.config.runsDir, runId)
  if (options['json'] === true) print.json({ ...view, answer, folder })
  else if (view.outcome === 'accepted') print.out(answer)
  if (view.outcome !== 'accepted') {
    print.error(`the run ended ${view.outcome}${view.reason === null ? '' : ` (${view.reason})`}`)
    for (const { provider, model, message, code } of view.attemptList) {
      if (message !== null) print.note(`  ${provider} ${model}: ${code}: ${message}`)
    }
  }
  print.note(`run       ${runId}`)
  print.note(`artifact  ${join(folder, 'artifacts', 'output.txt')}`)
  print.note(`log       ${join(folder, 'run.jsonl')}`)
  return view.outcome === 'accepted' ? 0 : 1
}

async function openObject({ given }: Opened['lattice'], sha256: string): Promise<string> {
  return Buffer.from(await given.objects.get(sha256)).toString('utf8')
}

function noteSignal(signal: Signal, note: (text: string) => void): void {
  if (signal.signal === 'attempt.finished' && signal.outcome === 'failed') {
    note(`${signal.provider} ${signal.model}: ${signal.code ?? 'failed'}`)
  }
}
