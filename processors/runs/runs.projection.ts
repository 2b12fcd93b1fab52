import type { Projection } from '#processors/stores/projection.ts'
import type { StoredEvent } from '#processors/journal/read.ts'
import type { Tables } from '#processors/ports/table-store.ts'
import type { ObjectRef } from '#schemas/generated.ts'

/**
 * Runs and their attempts for point reads, and where each run's events stand in the log.
 *
 * Promise: `accepted` is shown only with a passing verdict of that very attempt, or where no validator was asked for
 * (`verdict.closed`): the same rule as `evolve`.
 */
export const runsProjection: Projection = {
  name: 'runs',
  tables: [
    `CREATE TABLE IF NOT EXISTS runs (
       run TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL, outcome TEXT, reason TEXT,
       prompt TEXT NOT NULL, validator TEXT, principal TEXT NOT NULL, interactive INTEGER NOT NULL, body_hash TEXT,
       folder TEXT, tags TEXT NOT NULL, deadline_ms INTEGER NOT NULL, worker TEXT,
       answer INTEGER, passed INTEGER, attempts INTEGER NOT NULL, resumes INTEGER NOT NULL, cancelled INTEGER NOT NULL,
       prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost_micro_usd INTEGER NOT NULL,
       submitted_at TEXT NOT NULL, started_at TEXT, completed_at TEXT, active_ms REAL,
       partition INTEGER NOT NULL, first_offset INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE INDEX IF NOT EXISTS runs_by_time ON runs (submitted_at DESC, run DESC)`,
    `CREATE INDEX IF NOT EXISTS runs_open ON runs (status, interactive) WHERE status <> 'done'`,
    `CREATE TABLE IF NOT EXISTS attempts (
       run TEXT NOT NULL, attempt INTEGER NOT NULL, tier INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
       status TEXT NOT NULL, content TEXT, content_sha256 TEXT, code TEXT, message TEXT, http_status INTEGER,
       passed INTEGER, findings TEXT, duration_ms REAL,
       cost_micro_usd INTEGER NOT NULL DEFAULT 0, usage_estimated INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, attempt)) WITHOUT ROWID`,
    `CREATE TABLE IF NOT EXISTS run_events (
       run TEXT NOT NULL, log_offset INTEGER NOT NULL, type TEXT NOT NULL, PRIMARY KEY (run, log_offset)) WITHOUT ROWID`,
  ],
  on: {
    'task.submitted'(event, tables) {
      const { data, envelope, position } = event
      tables.run(
        `INSERT INTO runs (run, kind, status, prompt, validator, principal, interactive, body_hash, folder, tags, deadline_ms,
           attempts, resumes, cancelled, prompt_tokens, completion_tokens, cost_micro_usd, submitted_at, partition,
           first_offset)
         VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?, ?, ?)`,
        envelope.subject,
        data.kind,
        promptLine(data.messages),
        data.validator,
        data.principal,
        data.interactive ? 1 : 0,
        data.bodyHash,
        data.folder,
        JSON.stringify(data.tags),
        data.limits.deadlineMs,
        envelope.time,
        position.partition,
        position.offset,
      )
      placed(event, tables)
    },
    'task.cancelled'(event, tables) {
      tables.run('UPDATE runs SET cancelled = 1 WHERE run = ?', event.envelope.subject)
      placed(event, tables)
    },
    'run.started'(event, tables) {
      const { subject, time } = event.envelope
      tables.run(
        `UPDATE runs SET status = 'running', worker = ?, started_at = ? WHERE run = ?`,
        event.data.worker,
        time,
        subject,
      )
      placed(event, tables)
    },
    'run.resumed'(event, tables) {
      tables.run(
        `UPDATE runs SET status = 'running', worker = ?, resumes = resumes + 1 WHERE run = ?`,
        event.data.worker,
        event.envelope.subject,
      )
      placed(event, tables)
    },
    'retrieval.completed': placed,
    'attempt.started'(event, tables) {
      const { attempt, tier, provider, model } = event.data
      const run = event.envelope.subject
      tables.run(
        `INSERT INTO attempts (run, attempt, tier, provider, model, status) VALUES (?, ?, ?, ?, ?, 'started')`,
        run,
        attempt,
        tier,
        provider,
        model,
      )
      tables.run('UPDATE runs SET attempts = attempts + 1 WHERE run = ?', run)
      placed(event, tables)
    },
    'attempt.completed'(event, tables) {
      const { data } = event
      const run = event.envelope.subject
      tables.run(
        `UPDATE attempts SET status = 'completed', content = ?, content_sha256 = ?, duration_ms = ?,
           cost_micro_usd = ?, usage_estimated = ? WHERE run = ? AND attempt = ?`,
        inline(data.content),
        claimed(data.content),
        data.durationMs,
        data.costMicroUsd,
        data.usageEstimated ? 1 : 0,
        run,
        data.attempt,
      )
      spent(data, run, tables)
      placed(event, tables)
    },
    'attempt.failed'(event, tables) {
      const { data } = event
      tables.run(
        `UPDATE attempts SET status = 'failed', code = ?, message = ?, http_status = ?, duration_ms = ?,
           cost_micro_usd = ?, usage_estimated = ? WHERE run = ? AND attempt = ?`,
        data.code,
        data.message,
        data.httpStatus,
        data.durationMs,
        data.costMicroUsd,
        data.usageEstimated ? 1 : 0,
        event.envelope.subject,
        data.attempt,
      )
      spent(data, event.envelope.subject, tables)
      placed(event, tables)
    },
    'verdict.reached'(event, tables) {
      const { attempt, passed, findings } = event.data
      const run = event.envelope.subject
      tables.run(
        'UPDATE attempts SET passed = ?, findings = ? WHERE run = ? AND attempt = ?',
        passed ? 1 : 0,
        JSON.stringify(findings),
        run,
        attempt,
      )
      if (passed) tables.run('UPDATE runs SET passed = ? WHERE run = ?', attempt, run)
      placed(event, tables)
    },
    'run.waited': placed,
    'run.expired': placed,
    'run.completed'(event, tables) {
      const { outcome, reason, attempt, durationMs } = event.data
      const run = event.envelope.subject
      const stands = outcome !== 'accepted' || mayStand(run, attempt, tables)
      tables.run(
        `UPDATE runs SET status = 'done', outcome = ?, reason = ?, answer = ?, completed_at = ?, active_ms = ? WHERE run = ?`,
        stands ? outcome : 'failed',
        stands ? reason : 'unproven',
        stands ? attempt : null,
        event.envelope.time,
        durationMs,
        run,
      )
      placed(event, tables)
    },
  },
}

/** A failed call may have been paid for too. */
function spent(
  data: { promptTokens: number | null; completionTokens: number | null; costMicroUsd: number },
  run: string,
  tables: Tables,
): void {
  tables.run(
    `UPDATE runs SET prompt_tokens = prompt_tokens + ?, completion_tokens = completion_tokens + ?,
       cost_micro_usd = cost_micro_usd + ? WHERE run = ?`,
    data.promptTokens ?? 0,
    data.completionTokens ?? 0,
    data.costMicroUsd,
    run,
  )
}

function mayStand(run: string, attempt: number | null, tables: Tables): boolean {
  const row = tables.get<{ validator: string | null; passed: number | null; status: string | null }>(
    `SELECT validator, passed, (SELECT status FROM attempts WHERE run = runs.run AND attempt = ?) AS status
     FROM runs WHERE run = ?`,
    attempt,
    run,
  )
  if (row?.status !== 'completed') return false
  return row.validator === null || row.passed === attempt
}

function placed(event: StoredEvent, tables: Tables): void {
  const run = event.envelope.subject
  tables.run('INSERT INTO run_events VALUES (?, ?, ?)', run, event.position.offset, event.type)
}

const shownCharacters = 2000

/** The last message's text, for lists; the whole prompt is in the event. */
function promptLine(messages: string | ObjectRef): string {
  if (typeof messages !== 'string') return `(${messages.sizeBytes} bytes)`
  const last = (JSON.parse(messages) as { content?: unknown }[]).at(-1)?.content
  const text = typeof last === 'string' ? last : JSON.stringify(last ?? '')
  return text.slice(0, shownCharacters).toWellFormed()
}

function inline(text: string | ObjectRef): string | null {
  return typeof text === 'string' ? text : null
}

function claimed(text: string | ObjectRef): string | null {
  return typeof text === 'string' ? null : text.sha256
}
