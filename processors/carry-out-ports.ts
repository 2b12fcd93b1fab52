import type { Admission } from './models/guard-providers.ts'
import type { ModelProvider } from './ports/model-provider.ts'
import { formatToken } from '#schemas/position.ts'
import type { CarryOutPorts } from './runs/carry-out.ts'
import type { AttemptPorts } from './runs/attempt.step.ts'
import { planAwake } from './runs/plan-awake.ts'
import { reserveBy } from './runs/reserve.ts'
import { retrieve } from './runs/retrieve.step.ts'
import type { Search } from './runs/retrieve.step.ts'
import { judgesByReading, validate } from './runs/validate.step.ts'
import { search } from './search/search.query.ts'
import type { Steps } from './runs/steps.ts'
import { need } from './start.ts'
import type { Lattice } from './start.ts'

/** Of one run: what its asker sees of it, and what it is given in place of what the process has. */
interface CarryOutGiven extends Pick<AttemptPorts, 'raw' | 'onEvent' | 'onReply'> {
  readonly instead?: {
    /** Asked whatever a choice names. */
    readonly provider?: ModelProvider
    readonly search?: Search
    readonly retrieve?: Steps['retrieve']
  }
}

/** What the run machine needs, from a started process: its performers, one a step. */
export function carryOutPorts(lattice: Lattice, { instead = {}, ...interactive }: CarryOutGiven = {}): CarryOutPorts {
  const { given, claimCheck, journal, feed, prices, budgets } = lattice
  const { clock, report } = given
  const searchNow: Search = (query) => {
    const store = need(lattice, 'search')
    return store.query((tables) => ({
      hits: search(tables, query),
      documents: countDocuments(tables, query.corpora),
      position: positionOf(lattice),
    }))
  }
  const attempts = {
    providers: lattice.models.guarded.providers,
    admit: (name: string): Admission => {
      const { provider } = instead
      return provider === undefined ? lattice.models.guarded.admit(name) : { is: 'admitted', provider }
    },
    refusesTemperature: given.models.names.refusesTemperature,
    claimCheck,
    clock,
    report,
    prices,
  }
  return {
    journal,
    feed,
    clock,
    report,
    worker: given.settings.worker,
    ...(budgets.rules.length === 0 ? {} : { reserve: reserveBy(budgets) }),
    steps: {
      retrieve:
        instead.retrieve ??
        ((run) => retrieve(run, { search: instead.search ?? searchNow, claimCheck, clock, roster: given.roster })),
      attempt: (run, step) => planAwake(run, step, { ...attempts, ...interactive }),
      validate: (run, attempt, validator) =>
        validate(run, attempt, { validator, claimCheck, clock, roster: given.roster }),
      judgesByReading,
    },
  }
}

/** Position of the search store; '' while it is empty. */
function positionOf({ stores, given: { log } }: Lattice): string {
  const folded = Array.from({ length: log.partitions('documents.v1') }, (_, partition) => ({
    topic: 'documents.v1',
    partition,
    offset: (stores.search?.next('documents.v1', partition) ?? 0) - 1,
  })).filter(({ offset }) => offset >= 0)
  return folded.length === 0 ? '' : formatToken(log.id, folded)
}

function countDocuments(
  tables: { get: <Row>(sql: string, ...values: string[]) => Row | undefined },
  corpora: readonly string[],
): number {
  const marks = corpora.map(() => '?').join(', ')
  return tables.get<{ n: number }>(`SELECT count(*) AS n FROM documents WHERE corpus IN (${marks})`, ...corpora)?.n ?? 0
}
