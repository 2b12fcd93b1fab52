import { corpusOf } from './documents/read-folder.ts'
import { ingestFolder, knownDocuments } from './documents/ingest.command.ts'
import type { Ingested } from './documents/ingest.command.ts'
import { carryOutPorts } from './carry-out-ports.ts'
import { cancelTask } from './kinds/task/cancel-task.command.ts'
import { submitTask } from './kinds/task/submit-task.command.ts'
import type { SubmittedRun } from './kinds/submit-run.command.ts'
import type { SubmitOptions } from './kinds/task/submit-task.command.ts'
import type { TaskDefaults, TaskRequest } from './kinds/task/task.spec.ts'
import { rememberAnswering } from './models/answering.ts'
import { routeModel } from './models/route-model.ts'
import type { ModelRoute } from './models/route-model.ts'
import { routeTask } from './models/route-task.ts'
import { Failure } from './ports/failure.ts'
import { carryOut } from './runs/carry-out.ts'
import type { CarriedOut } from './runs/carry-out.ts'
import { evolve } from './runs/evolve.ts'
import { need } from './start.ts'
import { submitPorts } from './submit-ports.ts'
import { validators } from './validation/validators.ts'
import type { Lattice } from './start.ts'
import type { Position } from '#schemas/position.ts'

/**
 * The commands on tasks, over a started process: submit, carry out here and now, cancel, ingest the folder.
 */
export interface Tasks {
  submit(request: TaskRequest, options: SubmitOptions): Promise<SubmittedRun>
  /** Carries an interactive task out in this process, to its end. */
  carryOutNow(submitted: SubmittedRun, signal: AbortSignal): Promise<CarriedOut>
  /** What may judge an answer, by name. */
  readonly validators: readonly string[]
  cancel(runId: string, options: { principal: string; reason?: string }): Promise<{ position: Position }>
  /** Brings the folder's documents onto the log, and waits until they can be searched. */
  ingest(folder: string, max: number): Promise<Ingested>
  /** The corpora of a task that names none. */
  corpora(): Promise<readonly string[]>
  /** Which models a task is asked of that names none, and whether the built-in one stands in. */
  route(): Promise<ModelRoute>
}

const ingestWaitMs = 30_000

export function tasksOf(lattice: Lattice): Tasks {
  const { given, journal, feed } = lattice
  const { settings, models, clock } = given
  let ownCorpora: readonly string[] | undefined
  const answering = rememberAnswering(models.probeLocal, clock)
  const ports = submitPorts(lattice)

  async function corporaOfFolder(): Promise<readonly string[]> {
    return (ownCorpora ??= [await corpusOf(settings.folder)])
  }

  async function defaults(): Promise<TaskDefaults> {
    const [corpora, local] = await Promise.all([corporaOfFolder(), answering()])
    const { retrieval } = settings
    return {
      route: (wanted) => routeTask({ chain: models.chain, answering: local, names: models.names }, wanted),
      temperature: settings.temperature,
      maxTokens: settings.maxTokens,
      attempts: settings.attempts,
      attemptTimeoutMs: settings.attemptTimeoutMs,
      deadlineMs: settings.deadlineMs,
      retrieval: retrieval === undefined ? undefined : { corpora, k: retrieval.k, threshold: retrieval.threshold },
      folder: settings.folder,
    }
  }

  return {
    validators: Object.keys(validators),
    submit: (request, options) => submitTask({ ...ports, defaults }, request, options),
    async cancel(runId, options) {
      if (feed.chain(runId) === undefined) await feed.reached(await ports.firstOf(runId))
      return cancelTask({ journal, feed }, runId, options)
    },
    async carryOutNow({ event }, signal) {
      const state = event === undefined ? undefined : evolve(undefined, event)
      if (event === undefined || state === undefined) throw new Failure('run.open', 'that run was submitted before')
      return carryOut({ state, head: { seq: 0, id: event.id } }, carryOutPorts(lattice), signal)
    },
    async ingest(folder, max) {
      const search = need(lattice, 'search')
      const bounds = await given.log.bounds('documents.v1')
      const written = bounds.filter(({ next }) => next > 0)
      const ends = written.map(({ partition, next }) => ({ topic: 'documents.v1', partition, offset: next - 1 }))
      if (!(await search.reached(ends, ingestWaitMs))) throw notReached()
      const known = (corpus: string): Promise<Map<string, string>> =>
        search.query((tables) => knownDocuments(tables, corpus))
      const ingested = await ingestFolder({ journal, report: given.report }, { folder, max, known })
      if (!(await search.reached(ingested.positions, ingestWaitMs))) throw notReached()
      return ingested
    },
    corpora: corporaOfFolder,
    async route() {
      return routeModel(models.chain, await answering())
    },
  }
}

function notReached(): Failure {
  return new Failure('position.not-reached', 'the search store did not catch up', { remedy: 'look at: lattice status' })
}
