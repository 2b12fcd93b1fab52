import { corpusOf } from './documents/read-folder.ts'
import { ingestFolder, knownDocuments } from './documents/ingest.command.ts'
import type { Ingested } from './documents/ingest.command.ts'
import { carryOutPorts } from './carry-out-ports.ts'
import { decodeRecords } from './journal/read.ts'
import { cancelTask } from './kinds/task/cancel-task.command.ts'
import { submitTask } from './kinds/task/submit-task.command.ts'
import type { SubmitOptions, SubmittedTask, SubmitPorts } from './kinds/task/submit-task.command.ts'
import type { TaskDefaults, TaskRequest } from './kinds/task/task.spec.ts'
import { routeModel } from './models/route-model.ts'
import type { ModelRoute } from './models/route-model.ts'
import { Failure } from './ports/failure.ts'
import { carryOut } from './runs/carry-out.ts'
import type { CarriedOut } from './runs/carry-out.ts'
import { evolve } from './runs/evolve.ts'
import { need } from './start.ts'
import type { Lattice } from './start.ts'
import type { Position } from '#schemas/position.ts'

/**
 * The commands on tasks, over a started process: submit, carry out here and now, cancel, ingest the folder.
 */
export interface Tasks {
  submit(request: TaskRequest, options: SubmitOptions): Promise<SubmittedTask>
  /** Carries an interactive task out in this process, to its end. */
  carryOutNow(submitted: SubmittedTask, signal: AbortSignal): Promise<CarriedOut>
  cancel(runId: string, options: { principal: string; reason?: string }): Promise<{ position: Position }>
  /** Brings the folder's documents onto the log, and waits until they can be searched. */
  ingest(folder: string, max: number): Promise<Ingested>
  /** Which models a task is asked of that names none, and whether the built-in one stands in. */
  route(): Promise<ModelRoute>
}

const ingestWaitMs = 30_000

export function tasksOf(lattice: Lattice): Tasks {
  const { given, journal, feed, codec } = lattice
  const { settings, models, clock } = given
  let corpora: readonly string[] | undefined
  let probed: { at: number; answering: Promise<ReadonlyMap<string, readonly string[]>> } | undefined

  /** Local servers are asked again after a while, so one that was just started is found. */
  function answering(): Promise<ReadonlyMap<string, readonly string[]>> {
    const now = clock.monotonic()
    if (probed === undefined || now - probed.at > 10_000) probed = { at: now, answering: models.probeLocal() }
    return probed.answering
  }

  async function defaults(): Promise<TaskDefaults> {
    corpora ??= [await corpusOf(settings.folder)]
    const local = await answering()
    const { retrieval } = settings
    return {
      route: (wanted) => routeModel(models.chain, local, wanted).choices,
      temperature: settings.temperature,
      maxTokens: settings.maxTokens,
      attempts: settings.attempts,
      attemptTimeoutMs: settings.attemptTimeoutMs,
      deadlineMs: settings.deadlineMs,
      retrieval: retrieval === undefined ? undefined : { corpora, k: retrieval.k, threshold: retrieval.threshold },
      folder: settings.folder,
    }
  }

  const submitPorts: SubmitPorts = {
    journal,
    feed,
    clock,
    defaults,
    async submitted(runId, at) {
      const { topic, partition } = { topic: 'runs.v1', partition: at.partition } as const
      const known = await need(lattice, 'lookup').query((tables) =>
        tables.get<{ first: number }>('SELECT first_offset AS first FROM runs WHERE run = ?', runId),
      )
      for await (const batch of given.log.read({ topic, partition, offset: known?.first ?? 0 })) {
        const record = batch.find((one) => one.key === runId && one.headers['ce_seq'] === '0')
        if (record === undefined) continue
        const [event] = await decodeRecords(codec, [record], { topic, partition, wants: () => true })
        if (event === undefined || 'bad' in event || event.type !== 'task.submitted') return undefined
        return { bodyHash: event.data.bodyHash, position: event.position }
      }
      return undefined
    },
  }

  return {
    submit: (request, options) => submitTask(submitPorts, request, options),
    cancel: (runId, options) => cancelTask({ journal, feed }, runId, options),
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
    async route() {
      return routeModel(models.chain, await answering())
    },
  }
}

function notReached(): Failure {
  return new Failure('position.not-reached', 'the search store did not catch up', { remedy: 'look at: lattice status' })
}
