/**
 * What every work share must do, whatever stands behind it (R10): little, but that always.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EventLog, NewRecord } from '#processors/ports/event-log.ts'
import type { Delivery, TakeOptions, WorkShare } from '#processors/ports/work-share.ts'
import { eventually } from './eventually.ts'
import { type Child, type Opener, startChild } from './opener.ts'
import { idOf, record, records } from './records.ts'
import type { WorkLine, WorkTask } from './work-child.ts'

export interface WorkShareHarness<Space> {
  /** Room for one log and its work share, fresh and empty. Called once a test. */
  prepare(): Promise<Space>
  openLog(space: Space): Promise<EventLog>
  /** A share over the same log. Closed by the suite before the log. */
  openShare(space: Space, log: EventLog): Promise<WorkShare>
  /** How another process opens the same; its module's `openWorkShare` opens a log for itself. */
  opener(space: Space): Opener
  clear(space: Space): Promise<void>
  /** The shortest lease this backend can keep; 1,000 ms by default. */
  readonly leaseMs?: number
  /** Multiplies deadlines; 1 by default. */
  readonly slowness?: number
}

const TOPIC = 'runs.v1'
const GROUP = 'workers'

export function describeWorkShare<Space>(name: string, harness: WorkShareHarness<Space>): void {
  const slowness = harness.slowness ?? 1
  const leaseMs = harness.leaseMs ?? 1_000
  const timeout = 60_000 * slowness
  const deadline = { deadlineMs: 40_000 * slowness }

  describe(`work share: ${name}`, { timeout }, () => {
    let space: Space
    let log: EventLog
    let shares: WorkShare[] = []
    let children: Child<WorkLine>[] = []
    let stop = new AbortController()
    let takings: Promise<void>[] = []

    beforeEach(async () => {
      space = await harness.prepare()
      log = await harness.openLog(space)
      stop = new AbortController()
    }, timeout)

    afterEach(async () => {
      stop.abort()
      await Promise.allSettled(takings)
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(children.map((child) => child.ended))
      for (const share of shares) await share.close()
      await log.close()
      shares = []
      children = []
      takings = []
      await harness.clear(space)
    }, timeout)

    async function open(): Promise<WorkShare> {
      const share = await harness.openShare(space, log)
      shares.push(share)
      return share
    }

    /** Takes in the background; what comes lands in the array. */
    function taking(
      share: WorkShare,
      options: Partial<TakeOptions> = {},
      onDelivery?: (d: Delivery) => Promise<void> | void,
    ): Delivery[] {
      const got: Delivery[] = []
      const loop = async (): Promise<void> => {
        for await (const delivery of share.take(TOPIC, GROUP, {
          window: 10,
          leaseMs,
          signal: stop.signal,
          ...options,
        })) {
          got.push(delivery)
          await onDelivery?.(delivery)
        }
      }
      takings.push(loop())
      return got
    }

    function child(task: Partial<WorkTask> = {}): Child<WorkLine> {
      const base = { topic: TOPIC, group: GROUP, window: 5, leaseMs, holdMs: 20 }
      const started = startChild<WorkLine>('work-child.ts', { ...base, ...task, opener: harness.opener(space) })
      children.push(started)
      return started
    }

    const backlog = async (share: WorkShare) => await share.backlog(TOPIC, GROUP)

    it('delivers each record of the topic from its first one, whole and at its position', async () => {
      const written = Array.from({ length: 30 }, (_, i) => record(`key-${i}`, `value ${i}`))
      const positions = await log.append(TOPIC, written)
      const got = taking(await open(), {}, (delivery) => delivery.done())
      await eventually('all thirty', () => got.length >= 30, deadline)
      const byId = new Map(got.map((d) => [idOf(d.record), d]))
      written.forEach((wrote, i) => {
        const delivery = byId.get(idOf(wrote))
        expect(delivery?.position).toEqual(positions[i])
        expect(delivery?.record.key).toBe(wrote.key)
        expect(Buffer.from(delivery?.record.value ?? []).toString()).toBe(`value ${i}`)
      })
    })

    it('delivers what is appended while it waits', async () => {
      const got = taking(await open(), {}, (delivery) => delivery.done())
      await log.append(TOPIC, records(1, 'a'))
      await eventually('the first', () => got.length === 1, deadline)
      await log.append(TOPIC, records(1, 'b'))
      await eventually('the second', () => got.length === 2, deadline)
    })

    it('never has more unfinished deliveries than the window, and goes on as they finish', async () => {
      await log.append(TOPIC, records(12, 'a'))
      const share = await open()
      const got = taking(share, { window: 3 })
      await eventually('three', () => got.length === 3, deadline)
      await eventually('three taken', async () => (await backlog(share)).taken === 3, deadline)
      expect(got.length).toBe(3)
      await got[1]?.done()
      await eventually('a fourth', () => got.length === 4, deadline)
      for (let i = 0; i < 12; i += 1) {
        await eventually(`number ${i}`, () => got.length > i, deadline)
        await got[i]?.done()
        // Number 1 is finished from the beginning.
        expect(got.filter((d, n) => n > Math.max(i, 1)).length).toBeLessThanOrEqual(3)
      }
      expect(got.length).toBe(12)
    })

    it('counts what waits and what is taken', async () => {
      await log.append(TOPIC, records(10, 'a'))
      const share = await open()
      expect(await backlog(share)).toEqual({ waiting: 10, taken: 0 })
      const got = taking(share, { window: 4 })
      await eventually('four taken', async () => (await backlog(share)).taken === 4, deadline)
      expect(await backlog(share)).toEqual({ waiting: 6, taken: 4 })
      for (let i = 0; i < 10; i += 1) {
        await eventually(`number ${i}`, () => got.length > i, deadline)
        await got[i]?.done()
      }
      await eventually('nothing left', async () => sum(await backlog(share)) === 0, deadline)
    })

    it('skips what a worker does not want, finished at once', async () => {
      const written = Array.from({ length: 20 }, (_, i) =>
        record(`key-${i}`, '', { ce_type: i % 4 === 0 ? 'wanted' : 'other' }),
      )
      await log.append(TOPIC, written)
      const share = await open()
      const wanted = written.filter((r) => r.headers['ce_type'] === 'wanted').map(idOf)
      const got = taking(share, { wants: (headers) => headers['ce_type'] === 'wanted' }, (delivery) => delivery.done())
      await eventually('nothing left', async () => sum(await backlog(share)) === 0, deadline)
      expect(got.map((d) => idOf(d.record)).toSorted()).toEqual(wanted.toSorted())
    })

    it('keeps groups apart', async () => {
      await log.append(TOPIC, records(3, 'a'))
      const share = await open()
      const got = taking(share, {}, (delivery) => delivery.done())
      await eventually('three', () => got.length === 3, deadline)
      expect(await share.backlog(TOPIC, 'others')).toEqual({ waiting: 3, taken: 0 })
    })

    it('delivers nothing again after done and a restart', async () => {
      await log.append(TOPIC, records(20, 'a'))
      const share = await open()
      const got = taking(share, { window: 20 }, (delivery) => delivery.done())
      await eventually('all', () => got.length === 20, deadline)
      await eventually('nothing left', async () => sum(await backlog(share)) === 0, deadline)
      stop.abort()
      await Promise.all(takings)
      await share.close()
      stop = new AbortController()
      const again = await open()
      const later = taking(again)
      await log.append(TOPIC, [record('last', 'last')])
      await eventually('only the new one', () => later.length > 0, deadline)
      expect(later.map((d) => Buffer.from(d.record.value).toString())).toEqual(['last'])
    })

    it('delivers again what was taken and not finished when the iteration ended', async () => {
      await log.append(TOPIC, records(4, 'a'))
      const share = await open()
      const got = taking(share, { window: 4 })
      await eventually('four', () => got.length === 4, deadline)
      await got[0]?.done()
      await got[2]?.done()
      stop.abort()
      await Promise.all(takings)
      await share.close()
      stop = new AbortController()
      const again = taking(await open(), {}, (delivery) => delivery.done())
      await eventually('the two unfinished', () => again.length >= 2, deadline)
      expect(again.map((d) => d.position.offset).toSorted((a, b) => a - b)).toEqual(offsetsOf([got[1], got[3]]))
    })

    it('what is let go of unfinished makes room, and is delivered again to another', async () => {
      await log.append(TOPIC, records(2, 'a'))
      const share = await open()
      const got = taking(share, { window: 1, leaseMs: leaseMs * 10 })
      await eventually('the first', () => got.length === 1, deadline)
      await got[0]?.release()
      await eventually('the second', () => got.length === 2, deadline)
      expect(got[1]?.position.offset).not.toBe(got[0]?.position.offset)
      await got[1]?.done()
      await got[0]?.release()
      stop.abort()
      await Promise.all(takings)
      await share.close()
      stop = new AbortController()
      const again = taking(await open(), {}, (delivery) => delivery.done())
      await eventually('the one let go of', () => again.length > 0, deadline)
      expect(again.map((d) => d.position.offset)).toEqual([got[0]?.position.offset])
    })

    it('finishing twice is finishing once', async () => {
      await log.append(TOPIC, records(2, 'a'))
      const share = await open()
      const got = taking(share)
      await eventually('two', () => got.length === 2, deadline)
      await got[0]?.done()
      await got[0]?.done()
      await eventually('one left', async () => sum(await backlog(share)) === 1, deadline)
    })

    it('three workers: one killed, one stopped past its lease; every record is finished, the unfinished again', async () => {
      const [killed, stopped, living] = [child({ holdMs: 60 }), child({ holdMs: 60 }), child({ holdMs: 60 })]
      const finishedBy = (worker: Child<WorkLine>) =>
        worker.lines.flatMap((line) => ('done' in line ? [line.done] : []))
      const tookBy = (worker: Child<WorkLine>) => worker.lines.flatMap((line) => ('took' in line ? [line.took] : []))
      const finished = () => new Set([killed, stopped, living].flatMap(finishedBy))
      const written: NewRecord[] = []
      /** However fast some of them are: there is work left for all of them meanwhile. */
      async function workingUntil(look: () => boolean): Promise<boolean> {
        if (written.length - finished().size < 100) {
          const more = Array.from({ length: 100 }, (_, i) => record(`key-${i}`, `value ${i}`))
          written.push(...more)
          await log.append(TOPIC, more)
        }
        return look()
      }

      const eachWorks = () => [killed, stopped, living].every((worker) => finishedBy(worker).length >= 3)
      await eventually('all three work', () => workingUntil(eachWorks), deadline)
      killed.kill('SIGKILL')
      stopped.tell('stop')
      const held = () => stopped.lines.flatMap((line) => ('stopping' in line ? line.stopping : []))
      await eventually('one has stopped itself', () => workingUntil(() => held().length > 0), deadline)
      const share = await open()
      await eventually('all finished', async () => sum(await backlog(share)) === 0, deadline)
      const unheardOf = () => written.map(idOf).filter((id) => !finished().has(id))
      const lost = () => [...tookBy(killed), ...tookBy(stopped)]
      // A killed or stopped worker may have finished one whose line was never written; the living one's are on their way.
      await eventually('the living is heard', () => unheardOf().every((id) => lost().includes(id)), deadline)
      expect(unheardOf().length).toBeLessThanOrEqual(10)
      const hasAgain = () => held().every((id) => finishedBy(living).includes(id))
      await eventually('what the stopped one holds is finished by the living one', hasAgain, deadline)
      stopped.kill('SIGCONT')
      for (const worker of [killed, stopped, living]) {
        for (const line of worker.lines) if ('took' in line) expect(line.open).toBeLessThanOrEqual(5)
      }
    })

    it('a worker that works for five times its lease keeps its records, while another joins', async () => {
      await log.append(TOPIC, records(3, 'a'))
      const slow = child({ holdMs: leaseMs * 5 })
      await eventually('three taken', () => slow.lines.filter((line) => 'took' in line).length === 3, deadline)
      const others = taking(await open(), {}, (delivery) => delivery.done())
      await eventually('all done', () => slow.lines.filter(isDone).length === 3, deadline)
      expect(others).toEqual([])
    })
  })
}

function isDone(line: WorkLine): boolean {
  return 'done' in line
}

function sum(backlog: { waiting: number; taken: number }): number {
  return backlog.waiting + backlog.taken
}

function offsetsOf(deliveries: readonly (Delivery | undefined)[]): number[] {
  return deliveries.map((delivery) => delivery?.position.offset ?? -1).toSorted((a, b) => a - b)
}
