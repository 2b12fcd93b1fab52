/**
 * Broken promises, one at a time, put in through the ports: a simulation that does not notice them proves nothing.
 */
import type { Referee } from '#processors/journal/referee.ts'
import type { Judged, RunFeed } from '#processors/journal/run-feed.ts'
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import type { Delivery } from '#processors/ports/work-share.ts'
import type { Mutation, ProcessPorts } from './simulated-process.ts'

export const mutations: readonly Mutation[] = [
  { name: 'a referee that does not look at prev', referee: withoutPrev },
  { name: 'no referee: everything is accepted', referee: withoutReferee },
  { name: 'owners that do not read back', feed: withoutReadBack },
  { name: 'a validator that passes everything', ports: passingEverything },
  { name: 'a log that acknowledges what it never wrote', ports: forgetfulLog },
  { name: 'a log that shows another order to one process', ports: disorderlyLog },
  { name: 'a worker that finishes a record when it is handed it', ports: finishingEarly },
  { name: 'a record handed to nobody once its worker died', ports: neverAgain },
]

function withoutPrev(referee: Referee): Referee {
  return {
    ...referee,
    judge(partition, record) {
      const { ce_run: run = '', ce_seq: seq = '' } = record.headers
      const chain = referee.chain(run)
      if (chain === undefined || Number(seq) <= 0) return referee.judge(partition, record)
      return referee.judge(partition, { ...record, headers: { ...record.headers, ce_prev: chain.lastId } })
    },
  }
}

function withoutReferee(referee: Referee): Referee {
  return {
    ...referee,
    judge(partition, record) {
      referee.judge(partition, record)
      return true
    },
    isRejected: () => false,
  }
}

function withoutReadBack(feed: RunFeed): RunFeed {
  const watching = new Map<string, (judged: Judged) => void>()
  return {
    ...feed,
    reached: () => Promise.resolve(),
    watch(run, see) {
      watching.set(run, see)
      return feed.watch(run, see)
    },
    appended(positions, records) {
      positions.forEach((position, index) => {
        const record = { ...records[index]!, offset: position.offset }
        watching.get(record.key)?.({ position, record, accepted: true })
      })
      feed.appended(positions, records)
    },
  }
}

function passingEverything(ports: ProcessPorts): ProcessPorts {
  const { steps } = ports
  const validate: typeof steps.validate = async (...given) => ({ ...(await steps.validate(...given)), passed: true })
  return { ...ports, steps: { ...steps, validate } }
}

function forgetfulLog(ports: ProcessPorts): ProcessPorts {
  const { log } = ports
  let appends = 0
  const append: EventLog['append'] = async (topic, records) => {
    appends += 1
    if (appends % 5 !== 0) return log.append(topic, records)
    const [bounds] = await log.bounds(topic)
    return records.map((_, index) => ({ topic, partition: 0, offset: bounds!.next + index }))
  }
  return { ...ports, log: { ...log, append } }
}

function disorderlyLog(ports: ProcessPorts): ProcessPorts {
  const { log, life } = ports
  if (!life.name.startsWith('b')) return ports
  async function* read(...given: Parameters<EventLog['read']>): AsyncGenerator<readonly StoredRecord[]> {
    for await (const batch of log.read(...given)) {
      const [first, second, ...rest] = batch
      if (first === undefined || second === undefined) yield batch
      else yield [{ ...second, offset: first.offset }, { ...first, offset: second.offset }, ...rest]
    }
  }
  return { ...ports, log: { ...log, read } }
}

function finishingEarly(ports: ProcessPorts): ProcessPorts {
  const { workShare } = ports
  async function* take(...given: Parameters<typeof workShare.take>): AsyncGenerator<Delivery> {
    for await (const delivery of workShare.take(...given)) {
      await delivery.done()
      yield delivery
    }
  }
  return { ...ports, workShare: { ...workShare, take } }
}

function neverAgain(ports: ProcessPorts): ProcessPorts {
  const { workShare } = ports
  const take: typeof workShare.take = (topic, group, options) =>
    workShare.take(topic, group, { ...options, leaseMs: 10 ** 9 })
  return { ...ports, workShare: { ...workShare, take } }
}
