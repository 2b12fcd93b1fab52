/**
 * The embedded work share: who has taken what stands in a second SQLite file, `work.sqlite`, beside the log.
 *
 * Promises (R10): a worker's records go to another as soon as its process is dead (its lock is free) or has been silent
 * for its lease. Everything this process finishes and claims in one turn of its event loop is one transaction. What
 * `done` says is kept by the operating system at once, and by the disk soon; losing it only delivers again.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { ProcessLocks } from '#processors/ports/process-locks.ts'
import type { Delivery, TakeOptions, WorkShare } from '#processors/ports/work-share.ts'
import type { Topic } from '#schemas/topics.ts'
import { dataFolder } from './data-folder.ts'
import { type Claim, Taking } from './taking.ts'
import { type Share, type Taken, WorkFile } from './work-file.ts'

export interface EmbeddedWorkShareOptions {
  /** The folder that holds, or will hold, `work.sqlite`. */
  readonly path: string
  readonly log: EventLog
  /** Of this folder: how one process knows that another is dead. */
  readonly locks: ProcessLocks
}

/** Errors: `log.unavailable`, `log.damaged`, `log.newer`, `log.full`. */
export function openEmbeddedWorkShare(options: EmbeddedWorkShareOptions): Promise<WorkShare> {
  return new Promise((open) => open(new SqliteWorkShare(options)))
}

const defaultLeaseMs = 30_000
/** How often a worker with room looks whether another one died. */
const lookEveryMs = 500
const busyWaitMs = 1
/** Closing gives back what is taken, but not at the price of hanging. */
const closingPatienceMs = 5_000

class SqliteWorkShare implements WorkShare {
  readonly #file: WorkFile
  readonly #log: EventLog
  readonly #locks: ProcessLocks
  readonly #slot: number
  readonly #lock: { release(): void }
  readonly #takings = new Set<Taking>()
  /** To be written by the next transaction. */
  #changes: { readonly write: () => void; readonly written: () => void }[] = []
  #turn: NodeJS.Immediate | NodeJS.Timeout | undefined
  #closed = false

  constructor({ path, log, locks }: EmbeddedWorkShareOptions) {
    const folder = dataFolder(path)
    this.#log = log
    this.#locks = locks
    const { slot, lock } = freeSlot(locks)
    this.#slot = slot
    this.#lock = lock
    try {
      this.#file = new WorkFile(join(folder, 'work.sqlite'), log.id)
    } catch (error) {
      lock.release()
      throw error
    }
    // Whoever had this slot before is dead, or its lock would not have been free.
    void this.#change(() =>
      this.#file.workersOf(slot).forEach((worker) => this.#isMine(worker) || this.#file.removeWorker(worker)),
    )
  }

  async *take(topic: Topic, group: string, options: TakeOptions): AsyncGenerator<Delivery, void, void> {
    if (options.signal.aborted) return
    const taking = await this.#started(topic, group, options)
    const look = setInterval(() => this.#look(taking), Math.max(20, Math.min(lookEveryMs, taking.leaseMs / 3)))
    try {
      this.#look(taking)
      while (!taking.stopped) {
        const claim = taking.ready.shift()
        if (claim === undefined) await taking.somethingReady()
        else yield this.#delivery(taking, claim)
      }
      if (taking.failure !== undefined) throw taking.failure.error
    } finally {
      clearInterval(look)
      taking.end()
      for (const { partition, record } of taking.ready.splice(0)) this.#giveBack(taking, partition, record.offset)
    }
  }

  async backlog(topic: Topic, group: string): Promise<{ waiting: number; taken: number }> {
    for (const taking of this.#takings) if (taking.isBehind()) this.#schedule()
    await this.#written()
    const { taken, givenBack } = this.#file.counts(group, topic)
    const next = (await this.#log.bounds(topic)).map(({ partition, first, next }) => {
      const seen = this.#file.nextOf({ group, topic, partition }) ?? 0
      return Math.max(0, next - Math.max(first, seen))
    })
    return { waiting: next.reduce((sum, count) => sum + count, givenBack), taken }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const taking of this.#takings) taking.stop()
    const giveUp = performance.now() + closingPatienceMs
    const goodbye = (): void => {
      for (const { write } of this.#changes) write()
      for (const { worker } of this.#takings) this.#file.removeWorker(worker)
    }
    try {
      while (this.#file.transaction(goodbye) === undefined && performance.now() < giveUp) await sleep(busyWaitMs)
    } finally {
      clearImmediate(this.#turn as NodeJS.Immediate)
      clearTimeout(this.#turn as NodeJS.Timeout)
      for (const { written } of this.#changes.splice(0)) written()
      this.#file.close()
      this.#lock.release()
    }
  }

  async #started(topic: Topic, group: string, options: TakeOptions): Promise<Taking> {
    if (this.#closed) throw closed()
    const { leaseMs = defaultLeaseMs } = options
    const seen = range(this.#log.partitions(topic)).map((partition) => this.#file.nextOf({ group, topic, partition }))
    const bounds = await this.#log.bounds(topic)
    let worker = 0
    const heardMs = machineMs()
    const next: number[] = []
    await this.#written(() => {
      this.#forgetEnded(topic, group)
      worker = this.#file.addWorker(this.#slot, heardMs, leaseMs)
      for (const { partition, first, next: end } of bounds) {
        const share = { group, topic, partition }
        const before = seen[partition]
        this.#file.setNext(share, first)
        // Beyond the end as it was: the log was restored from an older copy. Some may come twice, none may be missed.
        if (before !== undefined && before > end) this.#file.setNext(share, first, before)
        next[partition] = this.#file.nextOf(share) ?? first
      }
    })
    const taking = new Taking(
      this.#log,
      { topic, group },
      {
        ...options,
        leaseMs,
        worker,
        heardMs,
        changed: () => this.#schedule(),
        lost: (partition, offset) => void this.#finish(taking, partition, offset),
      },
    )
    this.#takings.add(taking)
    if (this.#closed) taking.stop()
    else taking.start(next)
    return taking
  }

  #delivery(taking: Taking, { partition, record, redelivered }: Claim): Delivery {
    const position = { topic: taking.topic, partition, offset: record.offset }
    let finished: Promise<void> | undefined
    const done = (): Promise<void> => (finished ??= this.#finish(taking, partition, record.offset))
    const release = async (): Promise<void> => {
      if (finished !== undefined) return
      finished = Promise.resolve()
      taking.passOver(partition, record.offset, machineMs() + taking.leaseMs)
      this.#giveBack(taking, partition, record.offset)
    }
    return { record, position, redelivered, done, release }
  }

  #finish(taking: Taking, partition: number, offset: number): Promise<void> {
    if (this.#closed) return Promise.reject(closed())
    const written = this.#change(() => this.#file.finish(shareOf(taking, partition), offset))
    taking.finished()
    return written
  }

  #giveBack(taking: Taking, partition: number, offset: number): void {
    if (!this.#closed) void this.#change(() => this.#file.giveBack(shareOf(taking, partition), offset))
    taking.finished()
  }

  /** What an iteration that ended has left unfinished is anybody's when the next one begins. */
  #forgetEnded(topic: Topic, group: string): void {
    for (const taking of this.#takings) {
      if (!taking.ended || taking.topic !== topic || taking.group !== group) continue
      this.#file.removeWorker(taking.worker)
      this.#takings.delete(taking)
    }
  }

  /** Is there something nobody holds any more, a heartbeat due, or a place to write down? */
  #look(taking: Taking): void {
    if (this.#closed) return
    try {
      if (taking.free > 0) taking.orphans = this.#orphans(taking)
      if (taking.isDue(machineMs()) || taking.isBehind()) this.#schedule()
    } catch {
      // Locked for a moment: the next look is soon.
    }
  }

  #orphans(taking: Taking): Taken[] {
    const { topic, group, worker } = taking
    const dead = new Map<number, boolean>()
    return this.#file.takenByOthers(group, topic, worker).filter(({ worker: holder, partition, offset }) => {
      if (holder === null) return !taking.isPassedOver(partition, offset, machineMs())
      const known = dead.get(holder) ?? this.#isDead(holder)
      dead.set(holder, known)
      return known
    })
  }

  #isDead(id: number): boolean {
    const worker = this.#file.worker(id)
    if (worker === undefined || worker.heardMs + worker.leaseMs < machineMs()) return true
    return worker.slot !== this.#slot && !this.#locks.isHeld(lockName(worker.slot))
  }

  #isMine(worker: number): boolean {
    return [...this.#takings].some((taking) => taking.worker === worker)
  }

  /** Resolves once it is written, or could not be and will be tried again. */
  #change(write: () => void): Promise<void> {
    return new Promise((written) => {
      this.#changes.push({ write, written })
      this.#schedule()
    })
  }

  /** Resolves once this and everything before it is written. */
  async #written(write: () => void = () => {}): Promise<void> {
    await this.#change(write)
    if (this.#closed) throw closed()
  }

  #schedule(): void {
    if (!this.#closed) this.#turn ??= setImmediate(() => this.#write())
  }

  /** One transaction for everything that changed in this turn, and for what workers can claim now. */
  #write(): void {
    this.#turn = undefined
    const nowMs = machineMs()
    const due = [...this.#takings].filter((taking) => taking.isDue(nowMs) || taking.isBehind())
    if (this.#changes.length === 0 && due.length === 0) return
    let plans
    try {
      plans = this.#file.transaction(() => {
        for (const { write } of this.#changes) write()
        return due.map((taking) => taking.plan(this.#file, nowMs))
      })
    } catch (error) {
      this.#failed(error)
      return
    }
    if (plans === undefined) {
      this.#turn = setTimeout(() => this.#write(), busyWaitMs)
      return
    }
    for (const { written } of this.#changes.splice(0)) written()
    due.forEach((taking, i) => {
      const plan = plans.result[i]
      if (plan !== undefined) taking.settle(plan)
    })
  }

  /** A full disk passes: what is finished stays noted here, and nobody waits for it. Anything else ends the work. */
  #failed(error: unknown): void {
    for (const { written } of this.#changes) written()
    if (isFailure(error, 'log.full')) this.#turn = setTimeout(() => this.#write(), lookEveryMs)
    else for (const taking of this.#takings) taking.fail(error)
  }
}

/** The first slot whose lock is free: a dead process leaves one to be used again, so that there are never many. */
function freeSlot(locks: ProcessLocks): { slot: number; lock: { release(): void } } {
  for (let slot = 0; ; slot += 1) {
    const lock = locks.tryAcquire(lockName(slot))
    if (lock !== undefined) return { slot, lock }
  }
}

function lockName(slot: number): string {
  return `worker-${slot}`
}

function shareOf({ topic, group }: Taking, partition: number): Share {
  return { topic, group, partition }
}

/** A clock all processes of this machine share, and nobody sets. */
function machineMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function closed(): Failure {
  return new Failure('log.closed', 'the work share is closed')
}
