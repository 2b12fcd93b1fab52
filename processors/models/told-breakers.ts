import type { Journal } from '#processors/journal/journal.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { Report } from '#processors/ports/report.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { usualBreaker } from './breaker.ts'
import type { Models } from './given-models.ts'
import { type GuardedProviders, guardProviders } from './guard-providers.ts'

/**
 * The providers of a process behind breakers whose opening and closing are events.
 *
 * Promise: no call waits for its event; one that can't be written is reported and forgotten, since a breaker is of this
 * process and its time alone.
 */
export interface ToldPorts {
  readonly models: Models
  readonly journal: Pick<Journal, 'write'>
  readonly clock: Clock
  readonly report: Report
  /** Name of this process in events. */
  readonly worker: string
}

export function toldBreakers({ models, journal, clock, report, worker }: ToldPorts): GuardedProviders {
  function tell(event: AnyNewEvent): void {
    journal.write([event]).catch((error: unknown) => {
      report({ signal: 'notice', message: `${event.type} of ${event.subject} was not written: ${String(error)}` })
    })
  }
  return guardProviders(models.providers, {
    settings: { ...usualBreaker, failures: models.breakerFailures },
    clock,
    opened(provider, { reason, failures, coolDownMs }) {
      const data = { provider, process: worker, reason, failures, coolDownMs }
      tell({ type: 'provider.opened', subject: provider, data })
    },
    closed(provider, openMs) {
      tell({ type: 'provider.closed', subject: provider, data: { provider, process: worker, openMs } })
    },
  })
}
