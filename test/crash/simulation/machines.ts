/**
 * Machines whose processes are started, killed, paused and told to stop as the weather has it.
 *
 * Promise: a killed process does nothing more; what its machine had on disk is there for the next one, or now and then
 * is lost with it. Nothing but virtual time and the seed decides.
 */
import type { TableStore } from '#processors/ports/table-store.ts'
import type { Random } from './random.ts'
import { Life, type Scheduler } from './scheduler.ts'
import type { RunningProcess } from './simulated-process.ts'
import type { Weather } from './scenario.ts'

export interface Machine {
  readonly name: string
  lives: number
  /** How far its wall clock is off now, ms. */
  wallOffMs: number
  tables: TableStore
  process: RunningProcess | undefined
}

/** What befalls the first process at its nth await, instead of what chance would do. */
export interface Fate {
  readonly atStep: number
  readonly what: 'kill' | 'pause'
}

export interface Machines {
  readonly all: readonly Machine[]
  /** Those that run and are not paused for good. */
  running(): readonly RunningProcess[]
  /** Awaits of the first process's first life. */
  firstLifeSteps(): number
  startAll(): void
  /** From now on nothing befalls anybody, and whoever is gone comes back. */
  calmDown(): void
}

const wallJumpMs = 3_600_000
const graceMs = 5_000
/** After its grace a process has two appends to wait for: the one under way, and what it leaves. */
const shutdownMs = 60_000

export function openMachines(given: {
  scheduler: Scheduler
  random: Random
  count: number
  weather: Weather
  fate: Fate | undefined
  newTables: () => TableStore
  startProcess: (life: Life, machine: Machine) => RunningProcess
  killed: (life: Life) => void
  alarm: (what: string) => void
  note: (who: string, what: string) => void
}): Machines {
  const { scheduler, random, weather, fate, note } = given
  const dooms = new Map<Life, number>()
  let firstLife: Life | undefined
  let stormy = weather !== 'calm'
  const all: Machine[] = Array.from({ length: given.count }, (_, index) => ({
    name: String.fromCodePoint(97 + index),
    lives: 0,
    wallOffMs: 0,
    tables: given.newTables(),
    process: undefined,
  }))

  /** No process lives long: what they were at is taken over again and again. */
  const crashLoop = random.chance(0.1)

  function start(machine: Machine): void {
    machine.lives += 1
    const life = new Life(`${machine.name}${machine.lives}`)
    firstLife ??= life
    if (stormy && fate === undefined && random.chance(crashLoop ? 1 : 0.5)) dooms.set(life, random.between(1, 150))
    note(life.name, 'starts')
    machine.process = given.startProcess(life, machine)
  }

  function end(machine: Machine, life: Life): void {
    scheduler.kill(life)
    if (machine.process?.life === life) machine.process = undefined
    if (random.chance(0.15)) machine.tables = given.newTables()
    scheduler.after(random.between(0, crashLoop ? 2_000 : 30_000), undefined, () => start(machine))
  }

  function kill(machine: Machine): void {
    const life = machine.process?.life
    if (life === undefined) return
    note(life.name, 'is killed')
    given.killed(life)
    end(machine, life)
  }

  function stop(machine: Machine): void {
    const { process } = machine
    if (process === undefined || process.life.paused) return
    machine.process = undefined
    note(process.life.name, 'is told to stop')
    const leave = (): void => void (process.life.dead || end(machine, process.life))
    void process.stop(random.between(0, graceMs)).then(leave)
    scheduler.after(shutdownMs, undefined, () => {
      if (!process.life.dead) given.alarm(`${process.life.name} was told to stop and did not`)
    })
  }

  function pause(machine: Machine): void {
    const life = machine.process?.life
    if (life === undefined || life.paused) return
    life.paused = true
    note(life.name, 'is paused')
    scheduler.after(random.between(50, 90_000), undefined, () => {
      note(life.name, 'continues')
      scheduler.unpause(life)
    })
  }

  function jump(machine: Machine): void {
    machine.wallOffMs = random.between(-wallJumpMs, wallJumpMs)
    note(machine.name, `has its clock off by ${machine.wallOffMs} ms`)
  }

  const acts = { kill, pause, stop, jump }
  const weathers = {
    calm: [],
    kills: ['kill', 'jump'],
    storm: ['kill', 'pause', 'pause', 'stop', 'jump'],
  } as const satisfies Record<Weather, readonly (keyof typeof acts)[]>

  function weatherSoon(): void {
    scheduler.after(random.between(100, 10_000), undefined, () => {
      if (!stormy) return
      acts[random.pick<keyof typeof acts>(weathers[weather])](random.pick(all))
      weatherSoon()
    })
  }

  scheduler.beforeStep = (life) => {
    const due = fate === undefined ? dooms.get(life) : life === firstLife ? fate.atStep : undefined
    if (due !== life.steps) return
    const machine = all.find(({ process }) => process?.life === life)
    if (machine === undefined) return
    acts[fate?.what ?? (weather === 'kills' ? 'kill' : random.pick(['kill', 'pause'] as const))](machine)
  }

  return {
    all,
    running: () => all.flatMap(({ process }) => process ?? []),
    firstLifeSteps: () => firstLife?.steps ?? 0,
    startAll() {
      for (const machine of all) start(machine)
      if (fate === undefined && stormy) weatherSoon()
    },
    calmDown() {
      stormy = false
      dooms.clear()
    },
  }
}
