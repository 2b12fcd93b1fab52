/**
 * Appends to Kafka: calls made at the same time share one send, and a retried send is written once.
 *
 * Promises (R6): one send is under way at a time, its retries included, while the next one gathers. A retry carries the
 * same producer id, sequence and records as the first attempt, so the broker knows it again. When a send is given up,
 * its producer id is never used again, and a call whose records may stand in the log is told so
 * (`append.outcome-unknown`); only when no attempt can have reached the log it hears `log.unavailable`.
 *
 * kafkajs' own idempotent producer is not used, for it rolls its sequence back after a cut connection and may give it
 * to other records; and it encodes 12 times slower (33k records/s against 400k).
 */
import type { NewRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { KafkaCluster } from './cluster.ts'
import { Unreachable } from './cluster.ts'
import { LinkBroken } from './connection.ts'
import { code, nameOf, verdictOf } from './error-codes.ts'
import { Patience, closed, unavailable } from './patience.ts'
import { encodeBatch } from './record-batch.ts'
import { type ProducedPartition, produce } from './record-requests.ts'
import { type TopicName, initProducerId, versions } from './requests.ts'

/** Records of one call for one partition; they stand together in the log. */
export interface Part {
  readonly topic: TopicName
  readonly partition: number
  readonly records: readonly NewRecord[]
}

export interface AppenderOptions {
  /** How long a call is retried before it is given up. */
  readonly patienceMs: number
  /** How long a broker may take to get a send to all in-sync replicas. */
  readonly brokerTimeoutMs: number
}

/** A send carries at most this much, unless one call alone is larger: a batch is what a reader gets at once. */
const SEND_BYTES = 2 * 1024 * 1024
const SEND_RECORDS = 5_000
/** How often calls that wait are looked through for those whose time is over. */
const LOOK_EVERY_MS = 250
const MAX_SEQUENCE = 0x7fff_ffff

interface Call {
  readonly parts: readonly Part[]
  /** Where each part begins in its lot. */
  starts: readonly number[]
  readonly bytes: number
  readonly records: number
  /** On the monotonic clock. */
  readonly giveUpAt: number
  readonly resolve: (firstOffsets: readonly number[]) => void
  readonly reject: (failure: Failure) => void
}

/** All records of a send for one partition: one batch. */
interface Lot {
  readonly topic: TopicName
  readonly partition: number
  readonly records: NewRecord[]
  batch: Buffer
  sequence: number
  outcome: { readonly firstOffset: number } | { readonly failure: Failure } | undefined
  /** An attempt may have reached the log. */
  doubtful: boolean
  /** An attempt was sent and has no answer yet. */
  inFlight: boolean
  reason: unknown
}

interface Producer {
  readonly producerId: number
  readonly producerEpoch: number
  readonly sequences: Map<string, number>
}

export class Appender {
  readonly #cluster: KafkaCluster
  readonly #options: AppenderOptions
  #waiting: Call[] = []
  #producer: Producer | undefined
  #sending: Promise<void> | undefined
  #patience: Patience | undefined
  /** Whatever a call's own patience is: the log is being closed. */
  #giveUpAt = Infinity
  #closing = false

  constructor(cluster: KafkaCluster, options: AppenderOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  /** The offset of each part's first record. `bytes` is what the parts weigh, roughly. */
  append(parts: readonly Part[], bytes: number, patienceMs = this.#options.patienceMs): Promise<readonly number[]> {
    if (this.#closing) return Promise.reject(closed())
    return new Promise((resolve, reject) => {
      const records = parts.reduce((sum, part) => sum + part.records.length, 0)
      const giveUpAt = performance.now() + patienceMs
      this.#waiting.push({ parts, starts: [], bytes, records, giveUpAt, resolve, reject })
      this.#sending ??= this.#sendAll()
    })
  }

  /** Of calls that still wait for the send before them nothing was sent. */
  #giveUpWaiting(): void {
    const now = performance.now()
    const late = this.#waiting.filter(({ giveUpAt }) => giveUpAt <= now)
    if (late.length === 0) return
    this.#waiting = this.#waiting.filter(({ giveUpAt }) => giveUpAt > now)
    for (const { reject } of late) reject(unavailable(new Unreachable('what was sent before got no answer')))
  }

  /** Refuses what comes, and resolves when what is under way is settled, or given up after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true
    this.#giveUpAt = performance.now() + graceMs
    this.#patience?.shorten(graceMs)
    await this.#sending
  }

  async #sendAll(): Promise<void> {
    // Calls of the same turn of the event loop go together.
    await new Promise<void>((turn) => setImmediate(turn))
    const looking = setInterval(() => this.#giveUpWaiting(), LOOK_EVERY_MS)
    while (this.#waiting.length > 0) {
      const calls = this.#takeCalls()
      const lots = lotsOf(calls)
      await this.#send(lots, Math.min(...calls.map(({ giveUpAt }) => giveUpAt)))
      for (const call of calls) settle(call, lots)
    }
    clearInterval(looking)
    this.#sending = undefined
  }

  #takeCalls(): Call[] {
    let bytes = 0
    let records = 0
    let count = 0
    for (const call of this.#waiting) {
      bytes += call.bytes
      records += call.records
      if (count > 0 && (bytes > SEND_BYTES || records > SEND_RECORDS)) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  /** Gives each lot its outcome. Never rejects. */
  async #send(lots: ReadonlyMap<string, Lot>, giveUpAt: number): Promise<void> {
    const patience = new Patience(Math.max(0, Math.min(giveUpAt, this.#giveUpAt) - performance.now()))
    this.#patience = patience
    const over = new AbortController()
    try {
      await Promise.race([this.#sendWithin(lots, patience, over.signal), patience.over(over.signal)])
    } catch (error) {
      const failure = error instanceof Failure ? error : unavailable(error)
      for (const lot of lots.values()) {
        const isUnknown = lot.doubtful || lot.inFlight
        lot.outcome ??= { failure: isUnknown ? outcomeUnknown(failure) : failure }
      }
    } finally {
      over.abort()
    }
    for (const [key, lot] of lots) {
      if (lot.outcome !== undefined && 'failure' in lot.outcome) this.#producer = undefined
      else this.#producer?.sequences.set(key, after(lot.sequence, lot.records.length))
    }
  }

  async #sendWithin(lots: ReadonlyMap<string, Lot>, patience: Patience, over: AbortSignal): Promise<void> {
    const producer = this.#producer ?? (await this.#newProducer(patience))
    if (over.aborted) return
    this.#producer = producer
    stamp(lots, producer)
    await this.#deliver([...lots.values()], { patience, over })
  }

  async #newProducer(patience: Patience): Promise<Producer> {
    for (;;) {
      try {
        const link = await this.#cluster.controller()
        const { errorCode, producerId, producerEpoch } = await link.send(initProducerId())
        if (errorCode === code.none) return { producerId, producerEpoch, sequences: new Map() }
        if (errorCode === code.clusterAuthorization) throw refused('may not write idempotently', errorCode)
        await patience.wait(new Unreachable(`no producer id: ${nameOf(errorCode)}`))
      } catch (error) {
        await patience.wait(error)
        await this.#cluster.refresh().catch(() => {})
      }
    }
  }

  async #deliver(lots: readonly Lot[], { patience, over }: { patience: Patience; over: AbortSignal }): Promise<void> {
    for (;;) {
      const open = lots.filter((lot) => lot.outcome === undefined)
      if (open.length === 0 || over.aborted) return
      const byLeader = Map.groupBy(open, (lot) => this.#cluster.leaderOf(lot.topic.name, lot.partition))
      await Promise.all([...byLeader].map(([leader, ofLeader]) => this.#attempt({ leader, over }, ofLeader)))
      const failed = open.find((lot) => lot.outcome === undefined)
      if (failed === undefined) return
      await patience.wait(failed.reason)
      await this.#cluster.refresh().catch((error: unknown) => {
        if (error instanceof Failure) throw error
      })
    }
  }

  /** Sends nothing once it is `over`: what was given up must not be written later, unless it is said to be unknown. */
  async #attempt(
    { leader, over }: { readonly leader: number | undefined; readonly over: AbortSignal },
    lots: readonly Lot[],
  ): Promise<void> {
    let answers: readonly ProducedPartition[]
    try {
      if (leader === undefined) throw new Unreachable('a partition has no leader')
      const link = await this.#cluster.link(leader, 'write')
      if (over.aborted) return
      const { brokerTimeoutMs } = this.#options
      for (const lot of lots) lot.inFlight = true
      const byId = link.speaks(versions.produceById)
      answers = await link.send(produce(lots, { byId, brokerTimeoutMs, timeoutMs: brokerTimeoutMs + 5_000 }))
    } catch (error) {
      if (error instanceof Failure) throw error
      for (const lot of lots) {
        lot.reason = error
        lot.inFlight = false
        if (!(error instanceof Unreachable) && (!(error instanceof LinkBroken) || error.sent)) lot.doubtful = true
      }
      return
    }
    for (const lot of lots) {
      lot.inFlight = false
      const isHis = ({ topic, partition }: ProducedPartition) =>
        partition === lot.partition && (topic === lot.topic.id || topic === lot.topic.name)
      hear(lot, answers.find(isHis))
    }
  }
}

function hear(lot: Lot, answer: ProducedPartition | undefined): void {
  if (answer === undefined) {
    lot.doubtful = true
    lot.reason = new Unreachable('the broker left a partition out of its answer')
    return
  }
  const verdict = verdictOf(answer.errorCode)
  if (verdict === 'written' && answer.baseOffset >= 0) {
    lot.outcome = { firstOffset: answer.baseOffset }
  } else if (verdict === 'too-large') {
    lot.outcome = {
      failure: new Failure('record.too-large', 'the broker takes no batch as large as this', {
        remedy: 'Raise max.message.bytes of the topic to 16 MiB.',
      }),
    }
  } else if (verdict === 'refused' || verdict === 'written') {
    const failure = refused('refuses the records', answer.errorCode, answer.message)
    lot.outcome = {
      failure: lot.doubtful || answer.errorCode === code.duplicateSequence ? outcomeUnknown(failure) : failure,
    }
  } else {
    if (verdict === 'retry-unknown') lot.doubtful = true
    lot.reason = new Unreachable(`${lot.topic.name}/${lot.partition}: ${nameOf(answer.errorCode)}`)
  }
}

function lotsOf(calls: readonly Call[]): Map<string, Lot> {
  const lots = new Map<string, Lot>()
  for (const call of calls) call.starts = call.parts.map((part) => addToLot(lots, part))
  return lots
}

function addToLot(lots: Map<string, Lot>, part: Part): number {
  const { topic, partition } = part
  const key = keyOf(part)
  const lot = lots.get(key) ?? {
    topic,
    partition,
    records: [],
    batch: noBatch,
    sequence: 0,
    outcome: undefined,
    doubtful: false,
    inFlight: false,
    reason: undefined,
  }
  lots.set(key, lot)
  const start = lot.records.length
  for (const record of part.records) lot.records.push(record)
  return start
}

const noBatch = Buffer.alloc(0)

function stamp(lots: ReadonlyMap<string, Lot>, producer: Producer): void {
  const timestampMs = Date.now()
  for (const [key, lot] of lots) {
    lot.sequence = producer.sequences.get(key) ?? 0
    lot.batch = encodeBatch(lot.records, { ...producer, sequence: lot.sequence, timestampMs })
  }
}

/** Sequences are 31 bits and begin again at 0, as the broker expects. */
export function after(sequence: number, records: number): number {
  return sequence > MAX_SEQUENCE - records ? records - (MAX_SEQUENCE - sequence) - 1 : sequence + records
}

function settle(call: Call, lots: ReadonlyMap<string, Lot>): void {
  const firstOffsets: number[] = []
  const failures: Failure[] = []
  for (const [index, part] of call.parts.entries()) {
    const lot = lots.get(keyOf(part)) as Lot
    const { outcome } = lot
    if (outcome === undefined || 'failure' in outcome) failures.push(outcome?.failure ?? unavailable(lot.reason))
    else firstOffsets.push(outcome.firstOffset + (call.starts[index] ?? 0))
  }
  const [failure] = failures
  if (failure === undefined) call.resolve(firstOffsets)
  else if (failures.length < call.parts.length) call.reject(outcomeUnknown(failure))
  else call.reject(failures.find((one) => one.code === 'append.outcome-unknown') ?? failure)
}

function keyOf(part: { readonly topic: TopicName; readonly partition: number }): string {
  return `${part.topic.id}/${part.partition}`
}

function outcomeUnknown(because: Failure): Failure {
  if (because.code === 'append.outcome-unknown') return because
  return new Failure('append.outcome-unknown', `the records may or may not be in the log: ${because.message}`, {
    remedy: 'Append the same records again, with the same ids, or read back.',
    cause: because,
  })
}

function refused(what: string, errorCode: number, message = ''): Failure {
  return new Failure('log.unavailable', `Kafka ${what}: ${nameOf(errorCode)} ${message}`.trimEnd(), {
    remedy: 'See what the broker says; its access rules may not allow this.',
  })
}
