/**
 * What one schedule is made of: how many processes and runs, what may fail and how often, all from the seed.
 *
 * `calm`: the log fails now and then, nobody dies. `kills`: processes die and are restarted. `storm`: they are also
 * paused, told to stop and given each other's work, and clocks jump.
 */
import type { RunSpec } from '#processors/runs/run.ts'
import { sampleTask } from '#test/schemas/sample-data.ts'
import type { Random } from './random.ts'

export type Weather = 'calm' | 'kills' | 'storm'

export interface Scenario {
  readonly weather: Weather
  readonly processes: number
  readonly partitions: number
  /** Whether a process can know that another one is dead, as on one machine. */
  readonly oneMachine: boolean
  readonly runs: readonly PlannedRun[]
  /** Virtual time after which nothing fails any more. */
  readonly stormMs: number
}

export interface PlannedRun {
  readonly runId: string
  readonly spec: RunSpec
  readonly submitAfterMs: number
  /** Undefined: nobody cancels it. */
  readonly cancelAfterMs: number | undefined
  /** Its submission goes with the first append of who carries it out, as a chat's; asked for once only. */
  readonly atOnce: boolean
  /** Who asked goes away; undefined: stays to the end. */
  readonly goneAfterMs: number | undefined
  /** Its submission can't be decoded by anybody. */
  readonly garbled: boolean
}

export function scenarioFrom(random: Random, weather?: Weather): Scenario {
  const chosen = weather ?? random.pick(['calm', 'kills', 'kills', 'storm', 'storm', 'storm'])
  const stormMs = random.between(5_000, 120_000)
  return {
    weather: chosen,
    processes: random.between(1, 3),
    partitions: random.between(1, 2),
    oneMachine: random.chance(0.5),
    stormMs,
    runs: Array.from({ length: random.between(1, 3) }, (_, index) => ({
      runId: `run-${index}`,
      ...asked(random),
      submitAfterMs: random.between(0, stormMs / 2),
      cancelAfterMs: random.chance(0.15) ? random.between(0, 20_000) : undefined,
      garbled: random.chance(0.03),
    })),
  }
}

function asked(random: Random): Pick<PlannedRun, 'spec' | 'atOnce' | 'goneAfterMs'> {
  const spec = specFrom(random)
  const atOnce = spec.interactive && random.chance(0.5)
  return { spec, atOnce, goneAfterMs: spec.interactive && random.chance(0.3) ? random.between(0, 10_000) : undefined }
}

function specFrom(random: Random): RunSpec {
  const tiers = random.between(1, 2)
  const retrieval = { query: 'what', corpora: ['docs'], k: 3, threshold: 0 }
  return sampleTask({
    retrieval: random.chance(0.4) ? retrieval : null,
    ladder: Array.from({ length: tiers }, (_, tier) => ({
      name: `tier ${tier}`,
      choices: Array.from({ length: random.between(1, 2) }, (_, choice) => ({
        provider: `provider-${choice}`,
        model: `model-${tier}`,
      })),
    })),
    validator: random.chance(0.75) ? 'good' : null,
    limits: {
      attempts: random.between(1, 6),
      attemptTimeoutMs: random.pick([1_000, 5_000, 20_000]),
      deadlineMs: random.pick([3_000, 20_000, 60_000]),
      costMicroUsd: random.chance(0.2) ? 30 : null,
      answers: random.chance(0.2) ? random.between(1, 3) : null,
    },
    interactive: random.chance(0.3),
  })
}
