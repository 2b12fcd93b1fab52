import type { Journal } from '#processors/journal/journal.ts'
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { quoted } from '#processors/ports/quoted.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import type { ReadableStore } from '#processors/stores/read-store.ts'
import { nameId } from '#schemas/ids.ts'
import type { Position } from '#schemas/position.ts'
import { topicNames } from '#schemas/topics.ts'
import type { Topic } from '#schemas/topics.ts'
import { getLetter } from './letters.query.ts'
import type { LetterView } from './letters.query.ts'

/**
 * What becomes of a dead letter.
 *
 * Promise: resubmitting is a new append of the record as it stands in the log, never a late apply (R4); an event of a
 * run's chain is refused, because a chain can't be mended from behind. Asked for twice at once it is done once, and both
 * get its answer; asked for again it is `letter.settled`. Two processes that are asked in the same instant may append
 * twice, both under one event id. Discarding changes nothing but the letter.
 */
export interface SettlePorts {
  readonly journal: Journal
  readonly log: EventLog
  readonly lookup: ReadableStore<TableStore>
}

export interface Resubmitted {
  readonly position: Position
  readonly recordId: string
  readonly settledAt: Position
}

/** Errors: `letter.unknown`, `letter.settled`, `log.trimmed`, `position.not-reached`, those of `EventLog.append`. */
export function resubmitLetter(ports: SettlePorts, id: string, principal: string): Promise<Resubmitted> {
  const ofLog = underWay.get(ports.log) ?? new Map<string, Promise<Resubmitted>>()
  underWay.set(ports.log, ofLog)
  const resubmitting = ofLog.get(id) ?? resubmit(ports, id, principal).finally(() => ofLog.delete(id))
  ofLog.set(id, resubmitting)
  return resubmitting
}

const underWay = new WeakMap<EventLog, Map<string, Promise<Resubmitted>>>()
const patienceMs = 10_000

async function resubmit(ports: SettlePorts, id: string, principal: string): Promise<Resubmitted> {
  const letter = await letterNow(ports, id)
  mustBeParked(letter)
  const topic = topicNames.find((name) => name === letter.topic)
  if (topic === undefined) throw new Failure('request.invalid', `this program has no topic ${letter.topic}`)
  const record = await readOne(ports.log, { topic, partition: letter.partition, offset: letter.offset })
  if (record.headers['ce_run'] !== undefined) {
    throw new Failure('request.invalid', 'an event of a run can not be appended again: its chain has gone on', {
      remedy: `mend the cause, then rebuild: lattice store rebuild ${letter.parkedBy}`,
    })
  }
  const recordId = nameId('resubmitted', letter.letter)
  const [position] = await ports.log.append(topic, [
    {
      key: record.key === '' ? letter.letter : record.key,
      headers: { ...record.headers, ce_id: recordId },
      value: record.value,
    },
  ])
  if (position === undefined) throw new Failure('internal', 'the record got no position')
  const { positions } = await ports.journal.write([
    { type: 'letter.resubmitted', subject: letter.letter, data: { letter: letter.letter, as: recordId, principal } },
  ])
  return { position, recordId, settledAt: firstOf(positions) }
}

/** The letter as the log has it, whoever settled it last. */
async function letterNow({ log, lookup }: SettlePorts, id: string): Promise<LetterView> {
  const topic = 'dead-letters.v1'
  const ends = (await log.bounds(topic)).filter(({ next }) => next > 0)
  const positions = ends.map(({ partition, next }) => ({ topic, partition, offset: next - 1 }))
  if (!(await lookup.reached(positions, patienceMs))) {
    throw new Failure('position.not-reached', 'the lookup store has not caught up', {
      remedy: 'look at: lattice status',
    })
  }
  const letter = await lookup.query((tables) => getLetter(tables, id))
  if (letter === undefined) {
    throw new Failure('letter.unknown', `there is no dead letter ${quoted(id)}`, {
      remedy: 'lattice dead-letters list',
    })
  }
  return letter
}

export async function discardLetter(
  ports: { journal: Journal },
  letter: LetterView,
  given: { principal: string; reason?: string },
): Promise<{ settledAt: Position }> {
  mustBeParked(letter)
  const { principal, reason } = given
  const { positions } = await ports.journal.write([
    {
      type: 'letter.discarded',
      subject: letter.letter,
      data: { letter: letter.letter, reason: reason ?? null, principal },
    },
  ])
  return { settledAt: firstOf(positions) }
}

function firstOf(positions: readonly Position[]): Position {
  const [position] = positions
  if (position === undefined) throw new Failure('internal', 'what became of the letter got no position')
  return position
}

function mustBeParked(letter: LetterView): void {
  if (letter.state === 'parked') return
  throw new Failure('letter.settled', `letter ${letter.letter} was ${letter.state} already`)
}

async function readOne(log: EventLog, at: Position & { topic: Topic }): Promise<StoredRecord> {
  for await (const batch of log.read(at, { batchSize: 1 })) {
    const record = batch[0]
    if (record !== undefined) return record
  }
  throw new Failure('log.trimmed', `there is no record at ${at.topic}:${at.partition}:${at.offset} any more`)
}
