import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { Clock } from '#processors/ports/clock.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { ProcessLocks } from '#processors/ports/process-locks.ts'
import type { RowFile } from '#processors/ports/row-file.ts'
import type { RunState } from '#processors/runs/run.ts'
import { replayResult } from './replay-result.ts'
import { isRowOf, replayRow } from './replay-row.ts'
import { recordedRunId } from './replay.spec.ts'

/**
 * Rows of replays in files that others append to as well (R15), owed from before a model is asked until they are written.
 *
 * Promise: each replay that ends gets its row once, made from its accepted events alone, whichever process dies when: what
 * is owed stands in a note of the data folder, and one process at a time reads and writes it. Whether a row is there is
 * asked of the file itself, from where it ended when the run began. Who asked for a replay has its row written before the
 * answer and is told where that fails; the row stays owed then, and comes when it can.
 */
export interface OwedRows {
  /** Before a model is asked. Errors: `store.stalled`. */
  owe(runId: string, root: string): Promise<void>
  /** The row of a run that has ended. Errors: `store.stalled`. */
  write(run: RunState, root: string): Promise<void>
  /** Writes what is owed of runs that have ended; resolves with what could not be written. */
  sweep(): Promise<readonly Failure[]>
}

export interface OwedRowsPorts {
  /** The shared file below a root. */
  readonly openRows: (root: string) => Pick<RowFile, 'sizeBytes' | 'append' | 'lines'>
  /** Of the data folder: what is owed below all roots. */
  readonly note: Pick<RowFile, 'note' | 'keep'>
  readonly claimCheck: Pick<ClaimCheck, 'open'>
  readonly locks: ProcessLocks
  readonly clock: Clock
  readonly logId: string
  /** This process. */
  readonly worker: string
  /** A run up to now; undefined where the log does not have it. */
  readonly read: (runId: string) => Promise<RunState | undefined>
}

interface Owed {
  readonly logId: string
  readonly runId: string
  readonly root: string
  readonly worker: string
  /** Of the shared file, before the run began. */
  readonly sizeBytes: number
}

const patienceMs = 10_000
const lookAgainMs = 20

export function owedRows(ports: OwedRowsPorts): OwedRows {
  const { openRows, note, claimCheck, locks, clock, logId, worker } = ports
  let turn: Promise<unknown> = Promise.resolve()

  /** Alone with the note: among the processes of the data folder, and in this one. */
  function alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = turn.then(async () => {
      const until = clock.monotonic() + patienceMs
      for (;;) {
        const lock = locks.tryAcquire('sink-replays')
        if (lock === undefined) {
          if (clock.monotonic() > until) throw stalled('another process has been writing rows of replays for too long')
          await clock.sleep(lookAgainMs)
          continue
        }
        try {
          return await work()
        } finally {
          lock.release()
        }
      }
    })
    turn = mine.catch(() => {})
    return mine
  }

  async function append(run: RunState, { root, sizeBytes }: Pick<Owed, 'root' | 'sizeBytes'>): Promise<void> {
    const file = openRows(root)
    const id = recordedRunId(run)
    // A file that is shorter than it was is another one: whoever keeps it small has moved the old one away.
    for await (const line of file.lines(sizeBytes > file.sizeBytes() ? 0 : sizeBytes)) if (isRowOf(id, line)) return
    await file.append([JSON.stringify(replayRow(await replayResult(run, claimCheck)))])
  }

  /** Undefined once nothing is owed of it any more. */
  async function settle(one: Owed): Promise<Failure | undefined> {
    try {
      const run = await ports.read(one.runId)
      // Its process died before anything of it was on the log.
      if (run === undefined) return locks.isHeld(`process-${one.worker}`) ? underWay : undefined
      if (run.outcome === undefined) return underWay
      await append(run, one)
      return undefined
    } catch (error) {
      return error instanceof Failure ? error : stalled(String(error), error)
    }
  }

  return {
    owe: (runId, root) =>
      alone(async () =>
        keep(note, [...owedIn(note), { logId, runId, root, worker, sizeBytes: openRows(root).sizeBytes() }]),
      ),
    write: (run, root) =>
      alone(async () => {
        const owed = owedIn(note)
        const mine = owed.find(({ runId }) => runId === run.runId)
        await append(run, mine ?? { root, sizeBytes: 0 })
        try {
          keep(
            note,
            owed.filter(({ runId }) => runId !== run.runId),
          )
        } catch {
          // The row is there; a sweep finds it in the file.
        }
      }),
    async sweep() {
      if (owedIn(note).every((one) => one.logId !== logId)) return []
      return alone(async () => {
        const owed = owedIn(note)
        const left: Owed[] = []
        const failures: Failure[] = []
        for (const one of owed) {
          const failure = one.logId === logId ? await settle(one) : underWay
          if (failure !== undefined) left.push(one)
          if (failure !== undefined && failure !== underWay) failures.push(failure)
        }
        if (left.length < owed.length) keep(note, left)
        return failures
      })
    },
  }
}

const underWay = new Failure('run.open', 'the run has not ended')

function keep(note: OwedRowsPorts['note'], owed: readonly Owed[]): void {
  note.keep(`${JSON.stringify({ owed })}\n`)
}

function owedIn(note: OwedRowsPorts['note']): readonly Owed[] {
  try {
    return (JSON.parse(note.note() ?? '{}') as { owed?: readonly Owed[] }).owed ?? []
  } catch {
    return []
  }
}

function stalled(message: string, cause?: unknown): Failure {
  return new Failure('store.stalled', message, { remedy: 'The row is written once it can be.', cause })
}
