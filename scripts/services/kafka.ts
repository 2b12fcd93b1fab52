/**
 * A real Apache Kafka on loopback: one node that is broker and controller (KRaft), from Maven Central's jars.
 *
 * Needs Java 17 and Maven. Nothing expires (`log.retention.hours=-1`), and topics are made only by who asks for them.
 * A restart takes about 4 s, a start on an empty folder about 6 s more than that for its format.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Account, type SecuredListeners, type SecuredPorts, securedListeners } from './kafka-listeners.ts'
import { cached, maven } from './maven.ts'
import { accepts, freePort } from './ports.ts'
import { type Server, type ServerOptions, dataFolder, startServer } from './server.ts'

const VERSION = '4.3.1'

export interface KafkaOptions extends ServerOptions {
  readonly port?: number
  readonly controllerPort?: number
  /** Further broker settings, e.g. `{ 'unclean.leader.election.enable': 'true' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** `quick` starts sooner, `full` compiles hot code fully: take it to measure. Default quick. */
  readonly compiler?: 'quick' | 'full'
  readonly heapMb?: number
  /** With it there are further listeners, which are encrypted, ask for this account, or both. Needs openssl. */
  readonly account?: Account
  readonly securedPorts?: SecuredPorts
}

export interface KafkaServer extends Server {
  /** 127.0.0.1:<port> */
  readonly brokers: string
  readonly port: number
  /** Where an account was asked for. */
  readonly secured?: SecuredListeners
}

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const jars = await fetchKafka()
  const port = options.port ?? (await freePort())
  const dataDir = await dataFolder('kafka', options.dataDir)
  const config = join(dataDir, 'server.properties')
  const plain = brokerSettings(port, options.controllerPort ?? (await freePort()), dataDir)
  const ports = options.securedPorts && { ports: options.securedPorts }
  const secured = options.account && (await securedListeners(options.account, { plain, dataDir, ...ports }))
  const settings = { ...plain, ...secured?.settings, ...options.settings }
  await writeFile(
    config,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  await format(jars, { config, dataDir, more: secured?.format ?? [] })

  const server = await startServer(
    {
      name: 'kafka',
      file: 'java',
      args: [
        '-Xms256m',
        `-Xmx${options.heapMb ?? 512}m`,
        '-XX:+UseSerialGC',
        `-XX:TieredStopAtLevel=${options.compiler === 'full' ? 4 : 1}`,
        '-Djava.net.preferIPv4Stack=true',
        ...logging(jars),
        'kafka.Kafka',
        config,
      ],
      ready: async (logFile) =>
        (await readFile(logFile, 'utf8').catch(() => '')).includes('Kafka Server started') && (await accepts(port)),
      startTimeoutMs: 90_000,
    },
    { dataDir, temporary: options.dataDir === undefined, detached: options.detached ?? false },
  )
  const brokers = `127.0.0.1:${port}`
  return Object.assign(server, { brokers, port, ...(secured && { secured: secured.listeners }) })
}

/** The folder of Kafka's jars, fetched once. */
export function fetchKafka(): Promise<string> {
  return cached(`kafka-${VERSION}`, async (folder) => {
    await writeFile(join(folder, 'pom.xml'), pom)
    await maven(['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${folder}`], folder)
  })
}

async function format(
  jars: string,
  given: { readonly config: string; readonly dataDir: string; readonly more: readonly string[] },
): Promise<void> {
  if (existsSync(join(given.dataDir, 'data', 'meta.properties'))) return
  // Any 16 bytes will do for a cluster id, but it must not begin with '-'.
  const id = `k${randomBytes(16).toString('base64url').slice(1)}`
  const tool = ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...logging(jars), 'kafka.tools.StorageTool']
  await promisify(execFile)('java', [...tool, 'format', '-t', id, '-c', given.config, ...given.more])
}

function brokerSettings(port: number, controllerPort: number, dataDir: string): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(dataDir, 'data'),
    'log.retention.hours': '-1',
    'log.cleaner.dedupe.buffer.size': '33554432',
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    // A killed broker may register again only when its old session has ended: 9 s by default.
    'broker.session.timeout.ms': '2500',
    'broker.heartbeat.interval.ms': '500',
    'group.initial.rebalance.delay.ms': '0',
    'group.consumer.min.session.timeout.ms': '1000',
    'group.min.session.timeout.ms': '1000',
    'num.network.threads': '2',
    'num.io.threads': '4',
  }
}

/** slf4j-simple in place of log4j: one jar, its levels set by system properties. */
function logging(jars: string): readonly string[] {
  return [
    '-cp',
    `${jars}/*`,
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.showDateTime=true',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
    '-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=error',
  ]
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lattice</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`
