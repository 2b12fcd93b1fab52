import type { AnyStoredEvent } from '#processors/journal/read.ts'
import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { FolderStore } from '#processors/ports/folder-store.ts'
import type { OpenStore, StoreDefinition } from '#processors/stores/store.ts'
import { Poison } from '#processors/stores/store.ts'
import type { ObjectRef } from '#schemas/generated.ts'
import { sha256 } from '#schemas/ids.ts'
import { runRows } from './run-rows.ts'

/**
 * Run folders for people and tools: `<run id>/config.json`, `run.jsonl`, `artifacts/output.txt`, `artifacts/index.json`.
 *
 * Promise: rebuilt from the topics byte for byte; written for kinds that ask for it, from accepted events alone; large
 * values are opened, so nothing is truncated.
 */
export const folderKinds = new Set(['task', 'iterate', 'replay'])

export function runFolders(given: {
  /** The files of the live build are where people look for them; another build keeps its own beside its state. */
  open: (folder: string, as: { live: boolean }) => FolderStore
  claimCheck: ClaimCheck
}): StoreDefinition<FolderStore> {
  const wanted = new Set<string>([
    'task.submitted',
    'task.cancelled',
    'run.started',
    'run.resumed',
    'retrieval.completed',
    'attempt.started',
    'attempt.completed',
    'attempt.failed',
    'verdict.reached',
    'run.waited',
    'run.expired',
    'run.completed',
  ])
  return {
    name: 'folders',
    version: 2,
    topics: ['runs.v1'],
    wants: (type) => wanted.has(type),
    strangers: false,
    sharesFiles: true,
    gather: { records: 500, ms: 20 },
    async open(folder, as) {
      return openRunFolders(given.open(folder, as), given.claimCheck)
    },
  }
}

function openRunFolders(files: FolderStore, claimCheck: ClaimCheck): OpenStore<FolderStore> {
  let turn: Promise<unknown> = Promise.resolve()
  return {
    reads: files,
    async checkpoints() {
      return files.checkpoints()
    },
    async fold(events, checkpoint) {
      const mine = turn.then(async () => {
        try {
          for (const event of events) {
            if ('bad' in event) throw new Poison(event.position.offset, event.bad)
            if (event.accepted) await writeOrPoison(event, files, claimCheck)
          }
          files.commit([checkpoint])
        } catch (error) {
          files.rollback()
          throw error
        }
      })
      turn = mine.catch(() => {})
      return mine
    },
    async contentHash() {
      await turn
      return { hash: files.contentHash(), checkpoints: files.checkpoints() }
    },
    async close() {
      await turn
      files.close()
    },
  }
}

/** What can't be written for the event's own sake, such as a path out of the folder, never will be. */
async function writeOrPoison(event: AnyStoredEvent, files: FolderStore, claimCheck: ClaimCheck): Promise<void> {
  try {
    await write(event, files, claimCheck)
  } catch (error) {
    if (error instanceof Failure && error.code !== 'request.invalid') throw error
    throw new Poison(event.position.offset, error)
  }
}

/** What the store remembers of an open run, until its catalog of artifacts is written. */
interface Noted {
  readonly validator: string | null
  /** The last answer, as `output.txt` has it. */
  readonly output?: { readonly attempt: number; readonly sha256: string; readonly sizeBytes: number }
  /** The last attempt whose answer passed. */
  readonly passed?: number
}

async function write(event: AnyStoredEvent, files: FolderStore, claimCheck: ClaimCheck): Promise<void> {
  const run = event.envelope.subject
  const open = (text: string | ObjectRef): Promise<string> => claimCheck.open(text)
  const note = (noted: Noted): void => files.note(run, JSON.stringify(noted))
  if (event.type === 'task.submitted') {
    if (!folderKinds.has(event.data.kind)) return
    note({ validator: event.data.validator })
    files.replace(`${run}/config.json`, pretty(configOf(run, event.data)))
  }
  const text = files.noted(run)
  if (text === undefined) return
  const noted = JSON.parse(text) as Noted
  const stands = asItStands(event, noted)
  const rows = await runRows(stands, open)
  files.append(`${run}/run.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  if (event.type === 'attempt.completed') {
    const { attempt, provider, model } = event.data
    const content = await open(event.data.content)
    files.replace(`${run}/artifacts/output.txt`, content)
    const output = { attempt, provider, model, sha256: sha256(content), sizeBytes: Buffer.byteLength(content) }
    note({ ...noted, output })
  }
  if (event.type === 'verdict.reached' && event.data.passed) note({ ...noted, passed: event.data.attempt })
  if (stands.type === 'run.completed') {
    files.replace(`${run}/artifacts/index.json`, pretty({ run, artifacts: artifactsOf(noted, stands.data.outcome) }))
    files.note(run, undefined)
  }
}

/** An end that is said to be accepted without the verdict that proves it is a failure (R1), here as in every store. */
function asItStands(event: AnyStoredEvent, { validator, output, passed }: Noted): AnyStoredEvent {
  if (event.type !== 'run.completed' || event.data.outcome !== 'accepted') return event
  const { attempt } = event.data
  if (output?.attempt === attempt && (validator === null || passed === attempt)) return event
  const { type, position, envelope, accepted, record } = event
  const data = { ...event.data, outcome: 'failed', reason: 'unproven', attempt: null } as const
  return { type, position, envelope, accepted, record, data }
}

function artifactsOf({ output }: Noted, outcome: string): readonly unknown[] {
  if (output === undefined) return []
  const { sha256: hash, sizeBytes, ...metadata } = output
  const mime = 'text/plain; charset=utf-8'
  return [{ path: 'output.txt', mime, sha256: hash, sizeBytes, tags: ['output', outcome], metadata }]
}

function configOf(run: string, data: Extract<AnyStoredEvent, { type: 'task.submitted' }>['data']): unknown {
  const { retrieval } = data
  return {
    run,
    kind: data.kind,
    ladder: data.ladder.map((tier) => ({
      ...tier,
      choices: tier.choices.map((choice) => ({ ...choice, key: 'masked' })),
    })),
    parameters: JSON.parse(data.parameters) as unknown,
    limits: data.limits,
    validator: data.validator,
    retrieval:
      retrieval === null ? null : { corpora: retrieval.corpora, k: retrieval.k, threshold: retrieval.threshold },
    folder: data.folder,
    principal: data.principal,
    tags: data.tags,
    redactions: data.redactions,
  }
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
