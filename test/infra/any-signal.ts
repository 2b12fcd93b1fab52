/**
 * One signal of each kind, for whatever listens to all of them. The type makes a new kind an error here until it is
 * added.
 */
import type { Signal } from '#processors/ports/report.ts'

const failed = { code: 'log.full', message: 'the disk is full' }
const at = { topic: 'runs.v1', partition: 0, offset: 7 }

const oneOfEach: { readonly [Name in Signal['signal']]: Extract<Signal, { signal: Name }> } = {
  'log.opened': { signal: 'log.opened', backend: 'embedded', logId: 'abc', durability: 'on disk' },
  'log.warning': { signal: 'log.warning', message: 'retention is finite' },
  'log.risk': { signal: 'log.risk', message: 'appendonly no' },
  'append.finished': { signal: 'append.finished', topic: 'runs.v1', records: 3, durationMs: 1.5 },
  'append.failed': { signal: 'append.failed', topic: 'runs.v1', records: 3, ...failed },
  'store.opened': { signal: 'store.opened', store: 'runs', version: 1, build: '1-x' },
  'store.caught-up': { signal: 'store.caught-up', store: 'runs', records: 10, durationMs: 5 },
  'store.folded': {
    signal: 'store.folded',
    store: 'runs',
    topic: 'runs.v1',
    partition: 0,
    next: 8,
    end: 10,
    records: 8,
  },
  'store.stalled': { signal: 'store.stalled', store: 'runs', ...failed },
  'store.resumed': { signal: 'store.resumed', store: 'runs' },
  'store.stopped': { signal: 'store.stopped', store: 'runs', ...failed },
  'record.parked': { signal: 'record.parked', by: 'runs', at, ...failed },
  'reactor.failed': { signal: 'reactor.failed', reactor: 'work-tasks', ...failed },
  'run.started': { signal: 'run.started', runId: 'r1', kind: 'task' },
  'run.completed': {
    signal: 'run.completed',
    runId: 'r1',
    kind: 'task',
    outcome: 'accepted',
    attempts: 2,
    durationMs: 40,
  },
  'run.lost': { signal: 'run.lost', runId: 'r1', reason: 'another owner' },
  'attempt.finished': {
    signal: 'attempt.finished',
    provider: 'groq',
    model: 'm',
    outcome: 'failed',
    code: 'timeout',
    durationMs: 9,
  },
  'request.failed': {
    signal: 'request.failed',
    method: 'GET',
    route: '/v1/runs/:id',
    message: 'TypeError: x is not a function',
    where: 'at x (y.ts:1:1)',
  },
  progress: { signal: 'progress', of: 'rebuild', done: 1, total: 2, unit: 'records' },
  notice: { signal: 'notice', message: 'hello' },
}

export const anySignal: readonly Signal[] = Object.values(oneOfEach)
