/**
 * One connection to one broker, made of kafkajs' own inside: its sockets, TLS, SASL and request queue.
 *
 * Promises: a request that fails says whether its bytes may have reached the broker. A connection that failed once is
 * never used again. The modules of kafkajs reached for here are not its public interface: the version is pinned, and
 * `test/infra/kafka/connection.kafka.test.ts` fails when one of them changes.
 */
import { createRequire } from 'node:module'
import { connect as connectTcp, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ISocketFactory, KafkaConfig, Logger } from 'kafkajs'
import { Failure } from '#processors/ports/failure.ts'
import { refusalOf } from './refusal.ts'
import { type WireRequest, versions } from './requests.ts'
import { WireReader, WireWriter } from './wire.ts'
import { stopIdleTimer } from './idle-timer.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface ConnectionSettings {
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly ssl?: KafkaConfig['ssl']
  readonly sasl?: KafkaConfig['sasl']
  /** Where to dial for an address the cluster named: for tunnels, and for tests with a proxy between. */
  readonly dial?: (address: Address) => Address
}

/** A request that got no answer. `sent` says whether the broker may have seen it. */
export class LinkBroken extends Error {
  readonly sent: boolean
  /** What a person has to change before a broker lets us in; undefined where time may help. */
  readonly remedy: string | undefined
  constructor(message: string, options: { sent: boolean; cause?: unknown; remedy?: string | undefined }) {
    super(message, { cause: options.cause })
    this.sent = options.sent
    this.remedy = options.remedy
  }
}

export interface Link {
  readonly alive: boolean
  send<Answer>(request: WireRequest<Answer>): Promise<Answer>
  /** Whether the broker speaks this version of a request. */
  speaks(request: { readonly key: number; readonly version: number }): boolean
  /** kafkajs' own requests, where its versions will do. What the broker answers with an error is thrown as it is. */
  ask<Answer>(work: (broker: InnerBroker) => Promise<Answer>): Promise<Answer>
  /** Ends it at once; requests under way fail. */
  destroy(): void
}

export async function openLink(address: Address, settings: ConnectionSettings): Promise<Link> {
  stopIdleTimer()
  const pool = new ConnectionPool({
    ...address,
    clientId: settings.clientId,
    connectionTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    enforceRequestTimeout: true,
    logger: silent,
    socketFactory: socketFactory(settings),
    ssl: settings.ssl,
    // kafkajs writes into it.
    sasl: settings.sasl === undefined ? undefined : { ...settings.sasl },
  })
  const broker = new BrokerClass({ connectionPool: pool, logger: silent, allowAutoTopicCreation: false })
  const connection = pool.pool[0]
  if (connection === undefined) throw new Error('kafkajs has no connection in its pool')
  const underWay = new Set<(reason: Error) => void>()
  let destroyed = false

  /**
   * Fails everything under way, also a request that kafkajs is still making: it would be written to the dead socket
   * afterwards, where nothing times it out, and its caller would wait for ever.
   */
  function destroy(): void {
    destroyed = true
    const reason = new Error('the connection was closed here')
    for (const fail of underWay) fail(reason)
    underWay.clear()
    connection?.rejectRequests(reason)
    connection?.requestQueue.destroy()
    connection?.socket?.destroy()
  }

  async function use<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    if (connection === undefined || destroyed || !connection.isConnected()) {
      throw new LinkBroken('not connected', { sent: false })
    }
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    underWay.add(reject)
    work().then(resolve, reject)
    try {
      return await promise
    } catch (error) {
      if (protocolError(error) !== undefined) throw error
      destroy()
      throw new LinkBroken(messageOf(error), { sent: true, cause: error })
    } finally {
      underWay.delete(reject)
    }
  }

  try {
    await broker.connect()
  } catch (error) {
    destroy()
    const remedy = refusalOf(error, { ...settings, type: protocolError(error) })
    throw new LinkBroken(`${address.host}:${address.port}: ${messageOf(error)}`, { sent: false, cause: error, remedy })
  }
  // kafkajs opens a connection anew that the broker has closed; nobody would ever close that one.
  connection.connect = () => Promise.reject(new Error('the connection is closed'))
  const known = broker.versions ?? {}
  const speaks: Link['speaks'] = ({ key, version }) => {
    const range = known[key]
    return range !== undefined && range.minVersion <= version && version <= range.maxVersion
  }
  if (!required.every((request) => speaks(request))) {
    destroy()
    throw new Failure('log.unsafe', `the broker at ${address.host}:${address.port} is older than Kafka 3.1`, {
      remedy: 'Use Kafka 3.1 or newer, which tells a topic that was made again from the one before.',
    })
  }
  return {
    get alive() {
      return !destroyed && connection.isConnected()
    },
    send: async (request) => await use(async () => await connection.send(asKafkaJs(request))),
    ask: async (work) => await use(async () => await work(broker)),
    speaks,
    destroy,
  }
}

/** The name of an error a broker answered with, e.g. `REBALANCE_IN_PROGRESS`; undefined for any other. */
export function protocolError(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('type' in error && typeof error.type === 'string') return error.type
  return 'errors' in error && Array.isArray(error.errors) ? protocolError(error.errors[0]) : undefined
}

/** What went wrong, without the stack and without kafkajs' retries around it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const required = [versions.fetch, versions.produce, versions.listOffsets, versions.metadata, versions.initProducerId]

/** The flexible header of a request is the old one and a byte for its tags, which kafkajs lets us put in front. */
function asKafkaJs<Answer>(request: WireRequest<Answer>): InnerRequest<Answer> {
  return {
    request: {
      apiKey: request.key,
      apiVersion: request.version,
      apiName: request.name,
      async encode() {
        const wire = new WireWriter(512)
        wire.noTags()
        request.encode(wire)
        return { buf: wire.written, buffer: wire.written }
      },
    },
    response: {
      async decode(payload) {
        const reader = new WireReader(payload)
        reader.skipTags()
        return { clientSideThrottleTime: null, answer: request.decode(reader) }
      },
      async parse({ answer }) {
        return answer
      },
    },
    requestTimeout: request.timeoutMs ?? null,
    logResponseError: false,
  }
}

/** As kafkajs' own, but it may dial elsewhere and never waits to send a small request. */
export function socketFactory(settings: Pick<ConnectionSettings, 'dial'>): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    const { dial = (address: Address) => address } = settings
    const target = dial({ host, port })
    const socket = ssl
      ? connectTls({ ...target, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect)
      : connectTcp({ ...target }, onConnect)
    socket.setKeepAlive(true, 60_000)
    socket.setNoDelay(true)
    return socket
  }
}

const silent: InnerLogger = {
  namespace: () => silent,
  debug() {},
  info() {},
  warn() {},
  error() {},
}

interface InnerLogger extends Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> {
  namespace(name: string): InnerLogger
}

interface InnerRequest<Answer> {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>
  }
  readonly response: {
    decode(payload: Buffer): Promise<{ readonly clientSideThrottleTime: number | null; readonly answer: Answer }>
    parse(decoded: { readonly answer: Answer }): Promise<Answer>
  }
  readonly requestTimeout: number | null
  readonly logResponseError: boolean
}

interface InnerConnection {
  connect(): Promise<unknown>
  isConnected(): boolean
  send<Answer>(request: InnerRequest<Answer>): Promise<Answer>
  rejectRequests(error: Error): void
  readonly requestQueue: { destroy(): void }
  readonly socket?: { destroy(): void }
}

interface OfTopic<Partition> {
  readonly topic: string
  readonly partitions: readonly Partition[]
}

interface OfMember {
  readonly groupId: string
  readonly memberId: string
}

/** The parts of kafkajs' Broker that are used; its own declaration leaves most of them out. */
export interface InnerBroker {
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>> | null
  connect(): Promise<void>
  createTopics(request: {
    readonly topics: readonly {
      readonly topic: string
      readonly numPartitions: number
      readonly replicationFactor: number
      readonly configEntries: readonly { readonly name: string; readonly value: string }[]
    }[]
    readonly timeout: number
  }): Promise<unknown>
  describeConfigs(request: {
    readonly resources: readonly { readonly type: number; readonly name: string }[]
  }): Promise<{
    readonly resources: readonly {
      readonly resourceName: string
      readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[]
    }[]
  }>
  findGroupCoordinator(request: { readonly groupId: string; readonly coordinatorType: number }): Promise<{
    readonly coordinator: { readonly nodeId: number }
  }>
  joinGroup(
    request: OfMember & {
      readonly sessionTimeout: number
      readonly rebalanceTimeout: number
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[]
    },
  ): Promise<{
    readonly generationId: number
    readonly leaderId: string
    readonly memberId: string
    readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]
  }>
  syncGroup(
    request: OfMember & {
      readonly generationId: number
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[]
    },
  ): Promise<{ readonly memberAssignment: Buffer }>
  heartbeat(request: OfMember & { readonly groupGenerationId: number }): Promise<unknown>
  leaveGroup(request: OfMember): Promise<unknown>
  offsetCommit(
    request: OfMember & {
      readonly groupGenerationId: number
      readonly topics: readonly OfTopic<{
        readonly partition: number
        readonly offset: number
        readonly metadata: string
      }>[]
    },
  ): Promise<unknown>
  offsetFetch(request: {
    readonly groupId: string
    readonly topics: readonly OfTopic<{ readonly partition: number }>[]
  }): Promise<{
    readonly responses: readonly OfTopic<{
      readonly partition: number
      readonly offset: string
      readonly metadata: string | null
      readonly errorCode: number
    }>[]
  }>
}

const require = createRequire(import.meta.url)
const BrokerClass = require('kafkajs/src/broker') as new (options: {
  readonly connectionPool: unknown
  readonly logger: InnerLogger
  readonly allowAutoTopicCreation: boolean
}) => InnerBroker
const ConnectionPool = require('kafkajs/src/network/connectionPool') as new (options: object) => {
  readonly pool: readonly InnerConnection[]
}
