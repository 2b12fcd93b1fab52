/**
 * The inside of kafkajs that is used, on a real broker: when an upgrade changes it, this fails before anything else.
 */
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseBroker } from '#infra/kafka/cluster.ts'
import { LinkBroken, openLink, protocolError } from '#infra/kafka/connection.ts'
import { metadata, versions } from '#infra/kafka/requests.ts'
import { freePort } from '#scripts/services/ports.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { listening } from '#test/fakes/listening.ts'
import { linkTo } from './kafka-admin.ts'

const broker = process.env['LATTICE_TEST_KAFKA'] ?? ''
const settings = { clientId: 'test', connectTimeoutMs: 500, requestTimeoutMs: 300 }

/** A broker that has just begun makes the topic of its groups when it is first asked for one. */
beforeAll(async () => {
  const link = await linkTo(broker)
  await eventually('a coordinator of groups', async () => {
    const stranger = { groupId: 'nobody', memberId: 'stranger', groupGenerationId: 1 }
    await link.ask((inner) => inner.findGroupCoordinator({ groupId: 'nobody', coordinatorType: 0 })).catch(() => {})
    const refused = await link.ask((inner) => inner.heartbeat(stranger)).catch((error: unknown) => error)
    return protocolError(refused) === 'UNKNOWN_MEMBER_ID'
  })
  link.destroy()
})

describe('connection', () => {
  it('is made of the version of kafkajs it was written for', () => {
    const { version } = createRequire(import.meta.url)('kafkajs/package.json') as { version: string }
    expect(version).toBe('2.2.4')
  })

  it('speaks to the broker in its own requests and in those of kafkajs', async () => {
    const link = await linkTo(broker)
    const { nodes, controllerId } = await link.send(metadata([]))
    expect(nodes.map(({ id }) => id)).toContain(controllerId)
    expect(link.speaks(versions.fetch)).toBe(true)
    expect(link.speaks({ key: versions.fetch.key, version: 99 })).toBe(false)
    const found = await link.ask(
      async (inner) => await inner.findGroupCoordinator({ groupId: 'nobody', coordinatorType: 0 }),
    )
    expect(nodes.map(({ id }) => id)).toContain(found.coordinator.nodeId)
    link.destroy()
  })

  it("a broker's refusal keeps its name and the connection", async () => {
    const link = await linkTo(broker)
    const stranger = { groupId: 'nobody', memberId: 'stranger', groupGenerationId: 1 }
    const refused = await link.ask(async (inner) => await inner.heartbeat(stranger)).catch((error: unknown) => error)
    expect(protocolError(refused)).toBe('UNKNOWN_MEMBER_ID')
    expect(link.alive).toBe(true)
    link.destroy()
  })

  it('a request that fails says whether it was sent, and its connection is not used again', async () => {
    const link = await linkTo(broker)
    const underWay = link.send(metadata([])).catch((error: unknown) => error)
    await new Promise((turn) => setImmediate(turn))
    link.destroy()
    expect(await underWay).toMatchObject({ sent: true })
    expect(link.alive).toBe(false)
    expect(await link.send(metadata([])).catch((error: unknown) => error)).toMatchObject({ sent: false })
  })

  it('nobody there, and somebody who never answers, are both a broken link in time', async () => {
    const nobody = await openLink({ host: '127.0.0.1', port: await freePort() }, settings).catch(
      (error: unknown) => error,
    )
    expect(nobody).toBeInstanceOf(LinkBroken)
    expect(nobody).toMatchObject({ sent: false })
    await using silent = await listening(createServer(() => {}))
    expect(
      await openLink({ host: '127.0.0.1', port: silent.port }, settings).catch((error: unknown) => error),
    ).toBeInstanceOf(LinkBroken)
  })

  it.for([
    ['a:1', { host: 'a', port: 1 }],
    ['broker.example', { host: 'broker.example', port: 9092 }],
    ['[::1]:9093', { host: '::1', port: 9093 }],
  ] as const)('reads the address %s', ([text, address]) => {
    expect(parseBroker(text)).toEqual(address)
  })

  it('a request that is only being made when the connection ends fails, and reopens nothing', async () => {
    const link = await linkTo(broker)
    const asked = link.ask(async (inner) => await inner.findGroupCoordinator({ groupId: 'g', coordinatorType: 0 }))
    const failed = asked.catch((error: unknown) => error)
    link.destroy()
    expect(await failed).toBeInstanceOf(LinkBroken)
    expect(link.alive).toBe(false)
  })
})
