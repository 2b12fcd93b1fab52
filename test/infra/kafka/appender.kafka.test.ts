/**
 * What an owner is told when a send is given up: whether its records may stand in the log (R6).
 */
import type { Admin } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { after } from '#infra/kafka/appender.ts'
import { openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import { type CuttingProxy, startCuttingProxy } from '#test/contracts/cutting-proxy.ts'
import { failureOf } from '#test/contracts/event-log/prepared-logs.ts'
import { idOf, readAll, record, records } from '#test/contracts/records.ts'
import type { EventLog, NewRecord } from '#processors/ports/event-log.ts'
import { connectAdmin, forget, spaceOn } from './kafka-admin.ts'

const broker = process.env['LATTICE_TEST_KAFKA'] ?? ''
const ONE = 'operations.v1'
let admin: Admin

beforeAll(async () => {
  admin = await connectAdmin(broker)
})

afterAll(async () => {
  await admin.disconnect()
})

async function throughProxy(appendPatienceMs: number): Promise<{ log: EventLog; proxy: CuttingProxy }> {
  const [host = '', port = ''] = broker.split(':')
  const proxy = await startCuttingProxy({ host, port: Number(port) })
  const space = spaceOn(broker, 3)
  const log = await openKafkaEventLog({ ...space, appendPatienceMs, dial: () => proxy })
  onTestFinished(async () => {
    await log.close()
    await proxy.close()
    await forget(admin, space)
  })
  return { log, proxy }
}

describe('appender', () => {
  it('[append.once] says append.outcome-unknown when every reply is lost, and goes on with a new producer', async () => {
    const { log, proxy } = await throughProxy(1_000)
    const [lost] = records(1, 'lost') as [NewRecord]
    proxy.cutWhen = (bytes) => bytes.includes(idOf(lost))
    expect(await failureOf(log.append(ONE, [lost]))).toBe('append.outcome-unknown')
    expect(proxy.cuts).toBeGreaterThan(1)
    const next = records(3, 'next')
    await log.append(ONE, next)
    // Sent again and again, it still stands there once: the broker knew the sequence.
    expect((await readAll(log, ONE)).map(idOf)).toEqual([lost, ...next].map(idOf))
  })

  it('says log.unavailable, and wrote nothing, when no attempt can have reached a broker', async () => {
    const { log, proxy } = await throughProxy(500)
    await log.append(ONE, records(2, 'a'))
    await proxy.close()
    expect(await failureOf(log.append(ONE, records(1, 'b')))).toMatch(/^(log\.unavailable|append\.outcome-unknown)$/)
    expect(await failureOf(log.append(ONE, records(1, 'c')))).toBe('log.unavailable')
  })

  it('says so soon to a caller with little patience, also behind one that waits longer', async () => {
    const { log, proxy } = await throughProxy(20_000)
    await log.append(ONE, records(1, 'a'))
    await proxy.close()
    const patient = failureOf(log.append(ONE, records(1, 'b')))
    await new Promise((turn) => setImmediate(turn))
    const began = performance.now()
    expect(await failureOf(log.append(ONE, records(1, 'c'), { patienceMs: 600 }))).toBe('log.unavailable')
    expect(performance.now() - began).toBeLessThan(5_000)
    await log.close()
    expect(await patient).toMatch(/^(log\.unavailable|append\.outcome-unknown)$/)
  }, 30_000)

  it('a call whose partitions fare differently is told that its outcome is unknown', async () => {
    const { log, proxy } = await throughProxy(700)
    const calls = Array.from({ length: 30 }, (_, i) => [record(`key-${i}`), record(`other-${i}`)])
    proxy.cutWhen = (bytes) => bytes.includes(idOf(calls[3]?.[0] as NewRecord))
    const told = await Promise.all(calls.map((call) => failureOf(log.append('runs.v1', call))))
    expect(new Set(told)).toEqual(new Set(['append.outcome-unknown']))
    proxy.cutWhen = () => false
    for (const call of calls) expect((await log.append('runs.v1', call)).length).toBe(2)
  })

  it('sequences of 31 bits begin again at 0', () => {
    expect(after(0, 5)).toBe(5)
    expect(after(2 ** 31 - 2, 1)).toBe(2 ** 31 - 1)
    expect(after(2 ** 31 - 1, 1)).toBe(0)
    expect(after(2 ** 31 - 3, 10)).toBe(7)
  })
})
