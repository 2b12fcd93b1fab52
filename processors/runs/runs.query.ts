import { Failure } from '#processors/ports/failure.ts'
import type { Tables } from '#processors/ports/table-store.ts'
import { folderKinds } from './run-folders.ts'

/** Runs as people read them, from the lookup store. */
export interface RunView {
  readonly runId: string
  readonly kind: string
  readonly status: 'queued' | 'running' | 'done'
  readonly outcome: string | null
  readonly reason: string | null
  /** Somebody wants it to end; it may not have ended yet. */
  readonly cancelRequested: boolean
  readonly prompt: string
  /** The answer that stands; for a run that did not end accepted, null. In a list its first characters. */
  readonly answer: string | null
  /** SHA-256 of an answer too large to stand here. */
  readonly answerSha256: string | null
  readonly provider: string | null
  readonly model: string | null
  readonly attempts: number
  readonly resumes: number
  readonly promptTokens: number
  readonly completionTokens: number
  readonly costMicroUsd: number
  readonly submittedAt: string
  readonly startedAt: string | null
  readonly completedAt: string | null
  readonly activeMs: number | null
  readonly principal: string
  readonly folder: string | null
  readonly tags: Readonly<Record<string, string>>
}

export interface RunDetail extends RunView {
  readonly attemptList: readonly AttemptView[]
}

export interface AttemptView {
  readonly attempt: number
  readonly tier: number
  readonly provider: string
  readonly model: string
  readonly status: 'started' | 'completed' | 'failed'
  readonly code: string | null
  readonly message: string | null
  readonly httpStatus: number | null
  readonly passed: boolean | null
  readonly findings: readonly unknown[]
  readonly durationMs: number | null
}

const columns = `r.run AS runId, r.kind, r.status, r.outcome, r.reason, r.prompt, a.content AS answer,
  a.content_sha256 AS answerSha256, a.provider, a.model, r.attempts, r.resumes, r.prompt_tokens AS promptTokens,
  r.completion_tokens AS completionTokens, r.cost_micro_usd AS costMicroUsd, r.submitted_at AS submittedAt,
  r.started_at AS startedAt, r.completed_at AS completedAt, r.active_ms AS activeMs, r.principal, r.folder, r.tags,
  r.cancelled AS cancelRequested`
/** Of an answer in a list: a page of whole ones could be of any size. */
const shownCharacters = 2000

const from = `FROM runs r LEFT JOIN attempts a ON a.run = r.run AND a.attempt = r.answer`

export function getRun(tables: Tables, runId: string): RunDetail | undefined {
  const row = tables.get<RunRow>(`SELECT ${columns} ${from} WHERE r.run = ?`, runId)
  if (row === undefined) return undefined
  const attempts = tables.all<AttemptRow>(
    `SELECT attempt, tier, provider, model, status, code, message, http_status AS httpStatus, passed, findings,
       duration_ms AS durationMs FROM attempts WHERE run = ? ORDER BY attempt`,
    runId,
  )
  return {
    ...asView(row),
    attemptList: attempts.map((one) => ({
      ...one,
      passed: one.passed === null ? null : one.passed === 1,
      findings: one.findings === null ? [] : (JSON.parse(one.findings) as unknown[]),
    })),
  }
}

export interface RunPage {
  readonly runs: readonly RunView[]
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next: string | null
}

/** Newest first by the writers' clocks, which is an order for display alone. Errors: `request.invalid` for a cursor. */
export function listRuns(
  tables: Tables,
  query: { limit: number; cursor?: string; status?: string; outcome?: string; kind?: string },
): RunPage {
  const { time, run } = readCursor(query.cursor)
  const rows = tables.all<RunRow>(
    `SELECT ${columns} ${from}
     WHERE (r.submitted_at, r.run) < (?, ?) AND (?3 IS NULL OR r.status = ?3) AND (?4 IS NULL OR r.outcome = ?4)
       AND (?5 IS NULL OR r.kind = ?5)
     ORDER BY r.submitted_at DESC, r.run DESC LIMIT ?6`,
    time,
    run,
    query.status ?? null,
    query.outcome ?? null,
    query.kind ?? null,
    query.limit + 1,
  )
  const page = rows.slice(0, query.limit)
  const last = page.at(-1)
  const more = rows.length > query.limit && last !== undefined
  return {
    runs: page
      .map(asView)
      .map((run) => ({ ...run, answer: run.answer?.slice(0, shownCharacters).toWellFormed() ?? null })),
    next: more ? Buffer.from(JSON.stringify([last.submittedAt, last.runId])).toString('base64url') : null,
  }
}

export function firstOffsetOf(tables: Tables, runId: string): number | undefined {
  return tables.get<{ first: number }>('SELECT first_offset AS first FROM runs WHERE run = ?', runId)?.first
}

/** Where a run's accepted events are in `runs.v1`, ascending, and up to where that is known. */
export function placesOf(
  tables: Tables,
  runId: string,
): { runId: string; partition: number; offsets: number[]; foldedTo: number } | undefined {
  const run = tables.get<{ partition: number; next: number }>(
    `SELECT r.partition, c.next FROM runs r JOIN checkpoints c ON c.topic = 'runs.v1' AND c.partition = r.partition
     WHERE r.run = ?`,
    runId,
  )
  if (run === undefined) return undefined
  const rows = tables.all<{ log_offset: number }>(
    'SELECT log_offset FROM run_events WHERE run = ? ORDER BY log_offset',
    runId,
  )
  return { runId, partition: run.partition, offsets: rows.map((row) => row.log_offset), foldedTo: run.next }
}

export function attemptsOf(tables: Tables, runId: string): number | undefined {
  return tables.get<{ attempts: number }>('SELECT attempts FROM runs WHERE run = ?', runId)?.attempts
}

/** Interactive runs that are open: what the sweeper looks at. */
export function openInteractive(
  tables: Tables,
): { runId: string; worker: string | null; deadlineMs: number; partition: number }[] {
  return tables.all(
    `SELECT run AS runId, worker, deadline_ms AS deadlineMs, partition FROM runs
     WHERE status <> 'done' AND interactive = 1`,
  )
}

type RunRow = Omit<RunView, 'tags' | 'cancelRequested'> & { readonly tags: string; readonly cancelRequested: number }
type AttemptRow = Omit<AttemptView, 'passed' | 'findings'> & {
  readonly passed: number | null
  readonly findings: string | null
}

function asView(row: RunRow): RunView {
  return { ...row, tags: JSON.parse(row.tags) as Record<string, string>, cancelRequested: row.cancelRequested === 1 }
}

function readCursor(cursor: string | undefined): { time: string; run: string } {
  if (cursor === undefined) return { time: '\uffff', run: '' }
  try {
    const [time, run] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [unknown, unknown]
    if (typeof time === 'string' && typeof run === 'string') return { time, run }
  } catch {
    // Not ours: the error below says so.
  }
  throw new Failure('request.invalid', 'cursor is not one this server gave')
}

/** Whether runs of that kind get a run folder. */
export function hasFolder(kind: string): boolean {
  return folderKinds.has(kind)
}
