import { beginInteractive } from '#processors/kinds/begin-interactive.ts'
import type { InteractivePorts } from '#processors/kinds/begin-interactive.ts'
import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { createDryRunProvider } from '#processors/models/dry-run.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { ModelProvider } from '#processors/ports/model-provider.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import type { CarryOutPorts } from '#processors/runs/carry-out.ts'
import type { Search } from '#processors/runs/retrieve.step.ts'
import type { RunSpec, RunState } from '#processors/runs/run.ts'
import type { Position } from '#schemas/position.ts'
import type { OwedRows } from './owed-rows.ts'
import { loadPlaybooks, searchPlaybooks } from './rag-corpus.ts'
import { replayResult } from './replay-result.ts'
import type { ReplayResult } from './replay-result.ts'
import { replayId, replaySpec } from './replay.spec.ts'
import type { ReplayRequest } from './replay.spec.ts'

/**
 * Replays a task: retrieve → bundle → prompt → model → validate → escalate → log, as one run of the one machine.
 *
 * Promise: a failed call and a failed gate are results; what rejects is infrastructure: the corpus can't be read, the log
 * takes nothing. A dry run is a run too, on the log and in the shared file. The shared file's row is written after the run
 * has ended; where that fails the result is given all the same, with the error beside it. With an idempotency key the same
 * request again gets the recorded result, and there is no second row (R13).
 */
export interface ReplayPorts extends InteractivePorts {
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
  /** Of `<root>/data/_kb/replay_runs.jsonl`. */
  readonly rows: Pick<OwedRows, 'owe' | 'write'>
  /** A run that is on the log, as far as it has come. */
  readonly read: (runId: string) => Promise<RunState | undefined>
}

export interface ReplayNames {
  readonly localModel: string
  readonly escalationModel: string
}

export interface ReplayOptions {
  readonly root: string
  readonly principal: string
  readonly traceId: string
  readonly traceparent?: string | undefined
  readonly idempotencyKey?: string | undefined
  /** Aborted when nobody waits for the answer any more. */
  readonly gone: AbortSignal
}

export interface Replayed {
  readonly runId: string
  readonly result: ReplayResult
  readonly position: Position
  /** Why the shared file has no row of it. */
  readonly unlogged?: Failure
  /** Recorded for an earlier request with the same key. */
  readonly repeated: boolean
}

export async function replay(ports: ReplayPorts, request: ReplayRequest, options: ReplayOptions): Promise<Replayed> {
  const { clock, claimCheck, rows } = ports
  const { root } = options
  if (request.task.trim() === '') throw new Failure('request.invalid', 'the task is empty')
  const recordedAt = new Date(clock.now()).toISOString()
  let search: Search | undefined
  const begun = await beginInteractive(ports, {
    ...options,
    route: 'POST /v1/replay',
    body: request,
    runId: replayId(request.task, { recordedAt, nonce: clock.newId() }),
    // Not before it is known that nobody asked the same.
    async spec(bodyHash) {
      const corpus = await corpusOf(ports, request, root)
      search = corpus.search
      const ladder = ladderOf(ports, request, namesOf(ports, request))
      const { retrieval } = corpus
      return replaySpec(request, { ...options, ladder, retrieval, limits: ports.limits, recordedAt, bodyHash })
    },
  })
  if (begun.is === 'repeated') return recorded(ports, begun.submitted)

  const { known } = begun
  const { runId } = known.state
  // Where it can't be noted the row is tried all the same, and only a kill before that would lose it.
  await rows.owe(runId, root).catch(() => {})
  const carried = await carryOut(
    { ...known, gone: options.gone },
    ports.carryOutPorts({
      ...(request.dryRun === true ? { provider: createDryRunProvider(request.task) } : {}),
      ...(search === undefined ? {} : { search }),
    }),
    new AbortController().signal,
  )
  if (carried.is !== 'done') throw new Failure('run.open', 'another process owns that run')
  const { state, position } = carried
  const unlogged = await rows.write(state, root).then(
    () => undefined,
    (error: unknown) => notLogged(error),
  )
  const result = await replayResult(state, claimCheck)
  return { runId, result, position, repeated: false, ...(unlogged === undefined ? {} : { unlogged }) }
}

async function recorded(
  { read, claimCheck }: ReplayPorts,
  { runId, position }: { readonly runId: string; readonly position: Position },
): Promise<Replayed> {
  const run = await read(runId)
  if (run?.outcome === undefined) {
    throw new Failure('run.open', 'the request with this Idempotency-Key is still being answered', {
      remedy: 'ask again in a moment',
    })
  }
  return { runId, result: await replayResult(run, claimCheck), position, repeated: true }
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
    remedy: 'The run itself is on the log, and its row is written once the file can be.',
    cause: error,
  })
}
