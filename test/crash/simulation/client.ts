/**
 * Those outside: who submits tasks, waits for interactive ones, cancels, and sweeps up what an owner left behind.
 *
 * A client whose submission is not acknowledged asks again, perhaps another process and with another event: the chain
 * must take one of them.
 */
import { cancelTask } from '#processors/kinds/task/cancel-task.command.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { CarriedOut } from '#processors/runs/carry-out.ts'
import { type AbandonedPorts, closeAbandoned } from '#processors/runs/close-abandoned.reactor.ts'
import { evolve } from '#processors/runs/evolve.ts'
import type { PlannedRun } from './scenario.ts'
import { BrokenStep } from './simulated-model.ts'
import type { RunningProcess } from './simulated-process.ts'

const retryMs = 300
const sweepEveryMs = 5_000

/** Puts a task on the log, by this process, however often it takes. An interactive one is carried out right there. */
export async function submit(
  process: RunningProcess,
  { runId, spec, garbled, atOnce, goneAfterMs }: PlannedRun,
): Promise<CarriedOut | 'impatient' | undefined> {
  const chain = { run: runId, seq: 0, prev: '' }
  const [prepared] = await process.journal.prepare([{ type: 'task.submitted', subject: runId, data: spec, chain }])
  const event = prepared!
  const sent = garbled ? { ...event, record: { ...event.record, value: new Uint8Array([0, 1, 2]) } } : event
  for (; !atOnce || garbled;) {
    try {
      await process.journal.append([sent])
      break
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      await process.clock.sleep(retryMs)
    }
  }
  if (!spec.interactive || garbled) return undefined
  const state = evolve(undefined, event.event)!
  const known = { state, head: { seq: 0, id: event.event.id }, gone: goneFrom(process, goneAfterMs) }
  try {
    return await process.carryOut(atOnce ? { ...known, submission: event } : known)
  } catch (error) {
    if (error instanceof BrokenStep) return undefined
    if (isFailure(error, 'log.unavailable') || isFailure(error, 'append.outcome-unknown')) return 'impatient'
    throw error
  }
}

function goneFrom({ clock, life }: RunningProcess, afterMs: number | undefined): AbortSignal {
  const gone = new AbortController()
  if (afterMs !== undefined)
    void clock.sleep(afterMs).then(() => {
      if (!life.dead) gone.abort()
    })
  return gone.signal
}

/** Asks for a run's end, once; a log that takes nothing, or a run nobody knows or that has ended, is no matter. */
export async function cancel(process: RunningProcess, runId: string): Promise<void> {
  await cancelTask(process, runId, { principal: 'somebody', reason: 'enough' }).catch((error: unknown) => {
    if (!(error instanceof Failure)) throw error
  })
}

/** Looks after interactive runs whose caller died, as the worker role does. */
export async function sweep(
  process: RunningProcess,
  known: Pick<AbandonedPorts, 'open' | 'attempts' | 'died'>,
): Promise<never> {
  const sweeper = closeAbandoned({ ...process, ...known })
  for (;;) {
    await process.clock.sleep(sweepEveryMs)
    await sweeper.sweep().catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error
    })
  }
}
