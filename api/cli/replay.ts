import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Failure } from '#processors/ports/failure.ts'
import type { Opened } from '#api/opened.ts'
import type { Position } from '#schemas/position.ts'
import { answer } from './command.ts'
import type { CliAction, CliContext, ExitCode } from './command.ts'
import { replayPast } from './replay-past.ts'

/**
 * `lattice replay "task"`: a task with what is known of it by now, judged and put on record. With `--run` or `--runs` past
 * runs are carried out again (`replay-past.ts`).
 *
 * Exit codes: 0 the answer passed · 1 it did not, or the call failed · 2 wrong usage · 3 the log, a store, the corpus or the
 * shared file of replays can't be reached or written; where it is that file alone, the result is printed all the same ·
 * 130 interrupted.
 */
export const replayCommand: CliAction = async (context) => {
  const { options, arguments: words } = context
  const [task = ''] = words
  const past = options['run'] !== undefined || options['runs'] !== undefined
  if (past && task !== '') throw new Failure('request.invalid', 'a task and a past run are not replayed at once')
  const misplaced = Object.entries(past ? ofTask : ofPast).filter(([, name]) =>
    name === 'retrieval' ? options[name] === false : options[name] !== undefined,
  )
  if (misplaced.length > 0) {
    const flags = misplaced.map(([flag]) => flag).join(', ')
    throw new Failure(
      'request.invalid',
      `${flags}: ${past ? 'not of a past run' : 'of past runs (--run, --runs) alone'}`,
    )
  }
  return past ? replayPast(context) : replayTask(context, await taskOf(task, options['promptFile']))
}

const ofTask = {
  '--dry-run': 'dryRun',
  '--local-only': 'localOnly',
  '--allow-escalation': 'allowEscalation',
  '--no-retrieval': 'retrieval',
  '--local-model': 'localModel',
  '--escalation-model': 'escalationModel',
}
const ofPast = { '--model': 'model', '--system': 'system', '--limit': 'limit', '--concurrency': 'concurrency' }

async function taskOf(task: string, file: CliContext['options'][string]): Promise<string> {
  if (task !== '' || typeof file !== 'string') return task
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new Failure('request.invalid', `--prompt-file: ${(error as Error).message}`)
  })
}

async function replayTask(context: CliContext, task: string): Promise<ExitCode> {
  const { options, print, signal, loaded } = context
  if (task.trim() === '') {
    throw new Failure('request.invalid', 'there is no task to replay', { remedy: 'lattice replay "the task"' })
  }
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
  const [localModel, escalationModel] = [text('localModel'), text('escalationModel')]
  const noRetrieval = options['retrieval'] === false
  const opened = await context.open({ role: 'replay', stores: ['search', 'lookup', 'folders'], quiet: true })
  try {
    if (!noRetrieval && loaded.config.useRag) await ingest(opened, loaded.config.ragMaxIngest)
    if (signal.aborted) return 130
    const { result, position, unlogged } = await opened.gateway.replay(
      {
        task,
        dryRun: options['dryRun'] === true,
        localOnly: options['localOnly'] === true,
        allowEscalation: options['allowEscalation'] === true,
        noRetrieval,
        ...(localModel === undefined ? {} : { localModel }),
        ...(escalationModel === undefined ? {} : { escalationModel }),
      },
      { principal: 'local', traceId: randomBytes(16).toString('hex'), gone: signal },
    )
    await showRun(opened, position)
    const unanswered = result.model_response === ''
    if (!unanswered || options['json'] === true) answer(context, result, result.model_response)
    const { passed, reasons } = result.validation_result
    print.note(`${passed ? 'passed' : 'not passed'}${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`)
    print.note(`models    ${result.escalation_path.join(' → ')}`)
    if (unanswered) print.note('others    --local-model, or local_fast and cloud_judge of [models] in lattice.toml')
    print.note(`run id    ${result.recorded_run_id}`)
    await writeEarlierRows(opened, print)
    if (signal.aborted) return 130
    if (unlogged !== undefined) {
      print.error(unlogged.message, unlogged.remedy)
      return 3
    }
    return passed ? 0 : 1
  } finally {
    await opened.close()
  }
}

/** For the run to be found by the commands after this one; it is on the log all the same, and what is here is told anyway. */
async function showRun({ lattice: { stores } }: Opened, position: Position): Promise<void> {
  // A store that another process has is its own to fold.
  const ours = [stores.lookup, stores.folders].filter((store) => store !== undefined)
  await Promise.allSettled(ours.map((store) => store.reached([position], shownWithinMs)))
}

const shownWithinMs = 5_000

/** Those that a killed process left unwritten: none of this command's own result. */
async function writeEarlierRows({ gateway }: Opened, print: CliContext['print']): Promise<void> {
  const failures = await gateway.sweepReplayRows().catch((error: unknown) => [error as Error])
  for (const { message } of failures) print.note(`an earlier replay's row is not written: ${message}`)
}

/** Of a root without playbooks its own documents are searched. */
async function ingest({ tasks, lattice }: Opened, max: number): Promise<void> {
  const { replayRoot, folder } = lattice.given.settings
  await tasks.ingest(replayRoot ?? folder, max)
}
