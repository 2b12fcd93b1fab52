/**
 * The one chooser: which backend stands behind each port.
 *
 * Promise: opens only what a command needs, and loads no backend's code before it is needed. An address nobody knows is
 * `settings.invalid`.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Config } from '#infra/config/config.ts'
import { adoptFiles } from '#infra/disk/adopt-files.ts'
import { openDiskRowFile } from '#infra/disk/disk-row-file.ts'
import { knownSecrets } from '#infra/config/keys.ts'
import type { KafkaCredentials } from '#infra/kafka/kafka-address.ts'
import { configuredProviders } from '#infra/openai/configured-providers.ts'
import type { OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import type { OpenedProviders } from '#infra/openai/open-providers.ts'
import { configuredSpanExporter } from '#infra/otlp/configured-span-exporter.ts'
import { giveBackAtRest } from '#infra/system/give-back-at-rest.ts'
import { createSystemClock } from '#infra/system/system-clock.ts'
import type { Given } from '#processors/given.ts'
import { createExtractProvider } from '#processors/models/extract.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Roster } from '#processors/ports/roster.ts'
import type { SchemaIds } from '#processors/ports/schema-ids.ts'
import type { WorkShare } from '#processors/ports/work-share.ts'
import { sha256 } from '#schemas/ids.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'

/** Log address scheme → how its log and work-share are opened. */
const logs: Readonly<Record<string, LogBackend>> = {
  embedded: {
    async log({ address }) {
      const { openEmbeddedEventLog } = await import('#infra/embedded/embedded-event-log.ts')
      return openEmbeddedEventLog({ path: address })
    },
    async workShare({ address, locks }, log) {
      const { openEmbeddedWorkShare } = await import('#infra/embedded/embedded-work-share.ts')
      return openEmbeddedWorkShare({ path: address, locks, log })
    },
  },
  redis: {
    async log({ url, namespace, report, connectMs }) {
      const { openRedisEventLog } = await import('#infra/redis/redis-event-log.ts')
      return openRedisEventLog({ url, namespace, report, ...(connectMs === undefined ? {} : { connectMs }) })
    },
    async workShare({ url, namespace, report }) {
      const { openRedisWorkShare } = await import('#infra/redis/redis-work-share.ts')
      return openRedisWorkShare({ url, namespace, report })
    },
  },
  kafka: {
    async log({ url, namespace, report, credentials }) {
      const { openKafkaEventLog } = await import('#infra/kafka/kafka-event-log.ts')
      const { readKafkaAddress } = await import('#infra/kafka/kafka-address.ts')
      return openKafkaEventLog({ ...readKafkaAddress(url, credentials), namespace, report })
    },
    async workShare({ url, namespace, report, credentials }, log) {
      const { openKafkaWorkShare } = await import('#infra/kafka/kafka-work-share.ts')
      const { readKafkaAddress } = await import('#infra/kafka/kafka-address.ts')
      return openKafkaWorkShare({ ...readKafkaAddress(url, credentials), namespace, report, log })
    },
  },
}

interface LogAddress {
  /** The whole address. */
  readonly url: string
  /** Without its scheme. */
  readonly address: string
  readonly namespace: string
  readonly report: Report
  readonly locks: Given['locks']
  /** Of Kafka, where its address names none. */
  readonly credentials: KafkaCredentials
  /** How long a server is waited for; undefined: as long as a process that stays can. */
  readonly connectMs: number | undefined
}

interface LogBackend {
  readonly log: (at: LogAddress) => Promise<EventLog>
  readonly workShare: (at: LogAddress, log: EventLog) => Promise<WorkShare>
}

export interface Assembled {
  readonly given: Given
  /** Closes what the log's own `close` does not. */
  close(): Promise<void>
}

export interface AssembleOptions {
  /**
   * A process that stays waits longer for its log's server than one that somebody sits before, and gives back at rest
   * the memory that work took.
   */
  readonly stays?: boolean
  /** False where no model is asked: what asks them is not loaded then. */
  readonly models?: boolean
}

/** For a server to be there, where somebody waits for one command, ms. */
const commandConnectMs = 3_000

export async function assemble(config: Config, report: Report, options: AssembleOptions = {}): Promise<Assembled> {
  // Every prompt and answer is in it.
  makeFolder(config.data, 0o700)
  const clock = createSystemClock()
  const openSpanExporter = configuredSpanExporter(config)
  const worker = `${placeOf(config.data)}.${process.pid}.${randomBytes(4).toString('hex')}`
  const [{ openSqliteProcessLocks }, { openSqliteTableStore }, { openDiskObjects }, { openStoreFolder }] =
    await Promise.all([
      import('#infra/sqlite/sqlite-process-locks.ts'),
      import('#infra/sqlite/sqlite-table-store.ts'),
      import('#infra/disk/disk-objects.ts'),
      import('#infra/disk/store-folder.ts'),
    ])
  const locks = openSqliteProcessLocks(join(config.data, 'locks'))
  const own = locks.tryAcquire(`process-${worker}`)
  removeLeftLocks(join(config.data, 'locks'), { worker, locks })
  const connectMs = options.stays === false ? commandConnectMs : undefined
  const at = { ...logAddress(config, report, locks), connectMs }
  const { models, close: closeModels } = await openModels(config, { asked: options.models !== false })
  /** Its lock's name is never used again; a killed process leaves the file behind. */
  const leave = (): void => {
    own?.release()
    rmSync(join(config.data, 'locks', `process-${worker}.lock`), { force: true })
  }
  const openLog = async (): Promise<EventLog> => backendOf(config.log).log(at)
  const log = await openLog().catch(async (error: unknown) => {
    await closeModels()
    leave()
    throw error
  })
  report({ signal: 'log.opened', backend: log.backend, logId: log.id, durability: log.durability })

  const roster = config.roster === undefined ? undefined : await openRoster(config.roster)
  const scratch = join(config.data, 'scratch')
  const stopGivingBack = options.stays === false ? undefined : giveBackAtRest()
  const given: Given = {
    log,
    openWorkShare: () => backendOf(config.log).workShare(at, log),
    schemaIds: await schemaIdsOf(config, log.id),
    objects: openDiskObjects(join(config.data, 'objects')),
    builds: openStoreFolder({ root: join(config.data, 'stores'), newId: () => clock.newId() }),
    locks,
    openTables: (path, options) => openSqliteTableStore({ path, ...options }),
    async openColumns(path) {
      const { openDuckdbColumnStore } = await import('#infra/duckdb/duckdb-column-store.ts')
      return openDuckdbColumnStore({ path })
    },
    openFolders: openFoldersIn(config.runsDir, (await import('#infra/disk/disk-folder-store.ts')).openDiskFolderStore),
    openRowFile: (path, name) => openDiskRowFile({ path, notePath: join(config.data, 'sinks', `${name}.json`) }),
    async openSqlSandbox() {
      const { openDuckdbSqlSandbox } = await import('#infra/duckdb/duckdb-sql-sandbox.ts')
      return openDuckdbSqlSandbox()
    },
    scratch: () => scratchOf(scratch, { worker, locks }),
    refereePath: (logId) => join(config.data, `referee-${logId}.sqlite`),
    ...(config.log.startsWith('embedded:') ? { copyLog: (path) => copyEmbedded(at.address, path) } : {}),
    models,
    ...(roster === undefined ? {} : { roster }),
    ...(openSpanExporter === undefined ? {} : { openSpanExporter }),
    clock,
    report,
    settings: {
      worker,
      secrets: knownSecrets(config),
      claimCheckBytes: config.claimCheckBytes,
      temperature: config.temperature,
      maxTokens: config.maxTokens,
      attempts: config.maxAttempts,
      attemptTimeoutMs: Math.min(120_000, config.deadlineMs),
      deadlineMs: config.deadlineMs,
      retrieval: config.useRag
        ? { maxDocuments: config.ragMaxIngest, k: 5, threshold: config.ragThreshold ?? 0.3 }
        : undefined,
      folder: process.cwd(),
      replayRoot: config.root,
      budgets: config.budgets,
      prices: config.prices,
      sessionLog: config.sessionLog,
      window: 64,
    },
  }
  return {
    given,
    async close() {
      stopGivingBack?.()
      await closeModels()
      await roster?.close()
      rmSync(join(scratch, worker), { recursive: true, force: true })
      leave()
    },
  }
}

/** Machine and data folder: what shares the locks by which one process knows that another is dead. */
function placeOf(data: string): string {
  return `${hostname().split('.')[0]}-${sha256(realpathSync(data)).slice(0, 8)}`
}

async function openRoster(path: string): Promise<Roster> {
  const { openDuckdbRoster } = await import('#infra/duckdb/duckdb-roster.ts')
  return openDuckdbRoster({ path })
}

interface OpenedModels {
  readonly models: Given['models']
  close(): Promise<void>
}

/** The models alone, which need no log. What asks them is loaded only where they are asked. */
export async function openModels(config: Config, { asked }: { asked: boolean }): Promise<OpenedModels> {
  const hosted = asked ? await openHosted(config) : undefined
  const builtIn = createExtractProvider()
  const gateway = asked && config.gatewayUrl !== undefined ? await openGateway(config.gatewayUrl) : undefined
  return {
    models: {
      ...(gateway === undefined ? {} : { gateway }),
      chain: configuredProviders(config),
      providers: (name) => (name === builtIn.name ? builtIn : hosted?.providers.get(name)),
      probeLocal: async () => (await hosted?.probeLocal()) ?? new Map(),
      list: async (name, timeoutMs) => (await hosted?.list(name, timeoutMs)) ?? notAsked,
      names: {
        tiers: new Map([...Object.entries(config.tiers), ['weak_models', config.weakModels]]),
        fallbacks: new Map(Object.entries(config.fallbacks)),
        refusesTemperature: config.refusesTemperature,
      },
      breakerFailures: config.breakerFailures,
    },
    async close() {
      await hosted?.close()
      await gateway?.close()
    },
  }
}

async function openGateway(url: string): Promise<OpenedModelProvider> {
  const { openGatewayModelProvider } = await import('#infra/openai/gateway-model-provider.ts')
  return openGatewayModelProvider(url)
}

const notAsked = { answers: false, models: [], reason: 'no model is asked here' }

async function openHosted(config: Config): Promise<OpenedProviders> {
  const { openProviders } = await import('#infra/openai/open-providers.ts')
  return openProviders(
    config,
    async () => (await import('#infra/ollama/ollama-model-provider.ts')).openOllamaModelProvider,
  )
}

/** Whether there is a log to open; false where opening would make one. A server's is known only once it is asked. */
export function hasLog(config: Config): boolean {
  return !config.log.startsWith('embedded:') || existsSync(join(config.log.slice('embedded:'.length), 'log.sqlite'))
}

/** A file this young may be of a process that has made it and is only about to lock it. */
const youngLockMs = 60_000

/** Killed processes leave their files behind. Whoever gets the lock of one knows that nobody has it. */
function removeLeftLocks(folder: string, { worker, locks }: { worker: string; locks: Given['locks'] }): void {
  for (const file of readdirSync(folder)) {
    const [, name] = /^(process-.+)\.lock$/.exec(file) ?? []
    if (name === undefined || name === `process-${worker}`) continue
    const path = join(folder, file)
    const madeAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity
    if (Date.now() - madeAt < youngLockMs) continue
    const left = locks.tryAcquire(decodeURIComponent(name))
    if (left === undefined) continue
    rmSync(path, { force: true })
    left.release()
    rmSync(`${path}-journal`, { force: true })
  }
}

async function copyEmbedded(folder: string, path: string): Promise<void> {
  const { copyEmbeddedLog } = await import('#infra/embedded/copy-embedded-log.ts')
  await copyEmbeddedLog(folder, path)
}

/** The folder of this process; those of processes that are no more are removed. */
function scratchOf(folder: string, { worker, locks }: { worker: string; locks: Given['locks'] }): string {
  const own = join(folder, worker)
  mkdirSync(own, { recursive: true })
  for (const name of readdirSync(folder)) {
    if (name !== worker && !locks.isHeld(`process-${name}`))
      rmSync(join(folder, name), { recursive: true, force: true })
  }
  return own
}

function logAddress(config: Config, report: Report, locks: Given['locks']): Omit<LogAddress, 'connectMs'> {
  const url = config.log
  const address = url.slice(url.indexOf(':') + 1).replace(/^\/\//, url.startsWith('embedded:') ? '//' : '')
  const credentials = {
    mechanism: config.kafkaSaslMechanism,
    username: config.kafkaSaslUsername,
    password: config.kafkaSaslPassword,
  }
  return { url, address, namespace: config.logNamespace, report, locks, credentials }
}

function backendOf(address: string): LogBackend {
  const scheme = address
    .slice(0, address.indexOf(':'))
    .replace(/^rediss$/, 'redis')
    .replace(/^kafka\+ssl$/, 'kafka')
  const backend = logs[scheme]
  if (backend !== undefined) return backend
  throw new Failure('settings.invalid', `LATTICE_LOG: no log is opened by ${scheme}:`, {
    remedy: 'use embedded:<folder>, redis://…, rediss://…, kafka://host:port,… or kafka+ssl://…',
  })
}

async function schemaIdsOf(config: Config, logId: string): Promise<SchemaIds> {
  if (config.schemaRegistry === undefined) return catalogSchemaIds()
  const { openRegistrySchemaIds } = await import('#infra/registry/registry-schema-ids.ts')
  return openRegistrySchemaIds({ url: config.schemaRegistry, remember: join(config.data, `schema-ids-${logId}.json`) })
}

type OpenFolders = (options: { root: string; statePath: string }) => ReturnType<Given['openFolders']>

/** The live build's files are in the runs folder, another build's beside its own state. */
function openFoldersIn(runsDir: string, open: OpenFolders): Given['openFolders'] {
  return (folder, { live }) => {
    const own = join(folder, 'runs')
    const root = live ? runsDir : own
    makeFolder(root)
    if (live) adoptFiles(own, runsDir)
    return open({ root, statePath: join(folder, 'folders.sqlite') })
  }
}

function makeFolder(path: string, mode?: number): void {
  try {
    mkdirSync(path, { recursive: true, mode })
  } catch (error) {
    throw new Failure('settings.invalid', `${path} can't be made or is no folder`, {
      remedy: 'Name another one by LATTICE_DATA or LATTICE_RUNS_DIR, or let this user write there.',
      cause: error,
    })
  }
}
