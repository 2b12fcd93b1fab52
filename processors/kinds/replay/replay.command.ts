import { prepareRun } from '#processors/kinds/submit-run.command.ts'
import type { SubmitPorts } from '#processors/kinds/submit-run.command.ts'
import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { createDryRunProvider } from '#processors/models/dry-run.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { ModelProvider } from '#processors/ports/model-provider.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import type { CarryOutPorts } from '#processors/runs/carry-out.ts'
import { evolve } from '#processors/runs/evolve.ts'
import type { Search } from '#processors/runs/retrieve.step.ts'
import type { RunSpec } from '#processors/runs/run.ts'
import { elapsedMs } from '#processors/ports/clock.ts'
import { sha256 } from '#schemas/ids.ts'
import type { Position } from '#schemas/position.ts'
import { loadPlaybooks, searchPlaybooks } from './rag-corpus.ts'
import { replayResult } from './replay-result.ts'
import type { ReplayNames, ReplayResult } from './replay-result.ts'
import { replayId, replaySpec } from './replay.spec.ts'
import type { ReplayRequest } from './replay.spec.ts'

/**
 * Replays a task: retrieve → bundle → prompt → model → validate → escalate → log, as one run of the one machine.
 *
 * Promise: a failed call and a failed gate are results; what rejects is infrastructure: the corpus can't be read, the log
 * takes nothing. A dry run is a run too, on the log and in the shared file. The shared file's row is written after the run
 * has ended; where that fails the result is given all the same, with the error beside it.
 */
export interface ReplayPorts extends SubmitPorts {
  readonly claimCheck: ClaimCheck
  readonly carryOutPorts: (given: { provider?: ModelProvider; search?: Search }) => CarryOutPorts
  /** The choices a model's name means; of a name that can't be asked, what would be asked. Errors: `model.unknown`. */
  readonly choices: (model: string) => RunSpec['ladder'][number]['choices']
  /** What models are asked that the request does not name. */
  readonly models: ReplayNames
  readonly limits: Pick<RunSpec['limits'], 'attemptTimeoutMs' | 'deadlineMs'>
  readonly retrieval: { readonly k: number; readonly threshold: number }
  /** The corpora of a root without playbooks: its own documents. */
  readonly corpora: (root: string) => Promise<readonly string[]>
  /** Takes the result to `<root>/data/_kb/replay_runs.jsonl`. */
  readonly log: (root: string, result: ReplayResult) => Promise<void>
}

export interface ReplayOptions {
  readonly root: string
  readonly principal: string
  readonly traceId: string
  readonly traceparent?: string | undefined
  /** Aborted when nobody waits for the answer any more. */
  readonly gone: AbortSignal
}

export interface Replayed {
  readonly result: ReplayResult
  readonly position: Position
  /** Why the shared file has no row of it. */
  readonly unlogged?: Failure
}

export async function replay(ports: ReplayPorts, request: ReplayRequest, options: ReplayOptions): Promise<Replayed> {
  const { clock } = ports
  if (request.task.trim() === '') throw new Failure('request.invalid', 'the task is empty')
  const began = clock.monotonic()
  const begun = { recordedAt: new Date(clock.now()).toISOString(), nonce: clock.newId() }
  const names = namesOf(ports, request)
  const { retrieval, search } = await corpusOf(ports, request, options.root)
  const spec = replaySpec(request, {
    ...options,
    ladder: ladderOf(ports, request, names),
    retrieval,
    limits: ports.limits,
  })
  const runId = replayId(request.task, begun)
  const submission = await prepareRun(ports, { runId, spec, traceparent: options.traceparent })
  const state = evolve(undefined, submission.event)
  if (state === undefined) throw new Failure('internal', 'a submission that begins no run')

  const carried = await carryOut(
    { state, head: { seq: 0, id: submission.event.id }, submission, gone: options.gone },
    ports.carryOutPorts({
      ...(request.dryRun === true ? { provider: createDryRunProvider(request.task) } : {}),
      ...(search === undefined ? {} : { search }),
    }),
    new AbortController().signal,
  )
  if (carried.is !== 'done') throw new Failure('run.open', 'another process owns that run')
  const result = await replayResult(carried.state, ports, {
    ...names,
    taskHash: sha256(request.task),
    recordedAt: begun.recordedAt,
    durationMs: elapsedMs(clock, began),
  })
  const unlogged = await ports.log(options.root, result).then(
    () => undefined,
    (error: unknown) => notLogged(error),
  )
  return { result, position: carried.position, ...(unlogged === undefined ? {} : { unlogged }) }
}

function namesOf({ models }: ReplayPorts, { localModel, escalationModel }: ReplayRequest): ReplayNames {
  return {
    localModel: localModel === undefined || localModel === '' ? models.localModel : localModel,
    escalationModel: escalationModel === undefined || escalationModel === '' ? models.escalationModel : escalationModel,
  }
}

function ladderOf(
  { choices }: ReplayPorts,
  { dryRun, allowEscalation, localOnly }: ReplayRequest,
  { localModel, escalationModel }: ReplayNames,
): RunSpec['ladder'] {
  const tier = (model: string): RunSpec['ladder'][number] => ({
    name: model,
    choices: dryRun === true ? [{ provider: dryProvider, model }] : choices(model),
  })
  const escalates = allowEscalation === true && localOnly !== true
  return escalates ? [tier(localModel), tier(escalationModel)] : [tier(localModel)]
}

/** The built-in one, which no budget counts. */
const dryProvider = 'lattice'

async function corpusOf(
  ports: ReplayPorts,
  { noRetrieval }: ReplayRequest,
  root: string,
): Promise<{ retrieval: Parameters<typeof replaySpec>[1]['retrieval']; search?: Search }> {
  const playbooks = await loadPlaybooks(root)
  if (noRetrieval === true) return { retrieval: undefined }
  if (playbooks === undefined) return { retrieval: { ...ports.retrieval, corpora: [...(await ports.corpora(root))] } }
  return { retrieval: { ...ports.retrieval, corpora: ['playbooks'] }, search: searchPlaybooks(playbooks) }
}

function notLogged(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  return new Failure('store.stalled', `log replay evidence: ${message}`, {
    remedy: 'The run itself is on the log; mend the folder and replay again for a row.',
    cause: error,
  })
}
