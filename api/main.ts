/**
 * The program: configuration → assemble → start → one command.
 *
 * Promise: the only file that reads the environment's configuration and chooses backends; nothing is loaded that the
 * command does not need. Without a command it serves.
 */
import type { PinoReportOptions } from '#infra/pino/pino-report.ts'
import { runProgram } from './cli/program.ts'
import type { StoreName } from '#processors/catalog.ts'
import type { Report } from '#processors/ports/report.ts'
import type { LiveStore } from '#processors/stores/live-store.ts'
import type { Opened, OpenOptions, ProgramPorts } from './opened.ts'

type Level = PinoReportOptions['level']

async function open(options: OpenOptions): Promise<Opened> {
  const [
    { assemble, hasLog },
    { start, need },
    { storeNames },
    { tasksOf },
    { gatewayOf },
    { openPinoReport },
    { knownSecrets },
  ] = await Promise.all([
    import('#infra/assemble.ts'),
    import('#processors/start.ts'),
    import('#processors/catalog.ts'),
    import('#processors/tasks.ts'),
    import('#processors/gateway.ts'),
    import('#infra/pino/pino-report.ts'),
    import('#infra/config/keys.ts'),
  ])
  const { refuseUnfinishedImport } = await import('#processors/transfer/unfinished-import.query.ts')
  const { config } = options.loaded
  if (options.existing === true && !hasLog(config)) throw await noLogYet(config.log)
  const secrets = knownSecrets(config)
  const log =
    options.quiet === true
      ? withoutRisks(await openPinoReport({ level: quieter(config.logLevel), secrets, pretty: true }))
      : await openPinoReport({ level: config.logLevel, secrets })
  const report = options.report === undefined ? log : both(log, options.report)
  const { given, close } = await assemble(config, report, {
    stays: options.stays === true,
    models: options.models !== false,
  })
  const threaded = options.thread === undefined ? {} : { threaded: { names: options.thread, open: openThread } }
  const named = (chosen: OpenOptions['stores']): readonly StoreName[] => (chosen === 'all' ? storeNames : chosen)
  const stores = { stores: named(options.stores), readOnly: named(options.readOnly ?? []) }
  const begin = async (): Promise<Opened['lattice']> => {
    refuseUnfinishedImport(config.data, given.log.id)
    return start(given, { ...options, ...stores, ...threaded })
  }
  const lattice = await begin().catch(async (error: unknown) => {
    await given.log.close()
    await close()
    throw error
  })
  async function openThread(names: readonly StoreName[]): Promise<readonly LiveStore[]> {
    const { openThreadedStores } = await import('./threaded-stores.ts')
    return openThreadedStores(names, { config, clock: given.clock, report })
  }
  return {
    lattice,
    tasks: tasksOf(lattice),
    gateway: gatewayOf(lattice),
    store: (name) => need(lattice, name),
    async work() {
      const { work } = await import('#processors/work.ts')
      return work(lattice)
    },
    async close() {
      await lattice.close()
      await close()
    },
  }
}

async function noLogYet(address: string): Promise<Error> {
  const { Failure } = await import('#processors/ports/failure.ts')
  return new Failure('log.unavailable', `there is no log yet at ${address}`, {
    remedy: 'lattice run and lattice serve make one; --data (LATTICE_DATA) says in which folder',
  })
}

/** A command that prints for people keeps the log to what they must know. */
function quieter(level: Level): Level {
  return level === 'info' ? 'warn' : level
}

/** How a server is set is told by serve, doctor and verify, not by each command on it. */
function withoutRisks(log: Report): Report {
  return (signal) => (signal.signal === 'log.risk' ? undefined : log(signal))
}

function both(one: Report, other: Report): Report {
  return (signal) => {
    one(signal)
    other(signal)
  }
}

const ports: ProgramPorts = {
  open,
  readConfig: async (flags) => (await import('#infra/config/config.ts')).readConfig({ flags }),
  showConfig: async (loaded) => (await import('#infra/config/show-config.ts')).showConfig(loaded),
  async tokensFile({ config: { tokensFile } }) {
    const { readTokensFile } = await import('#infra/config/tokens-file.ts')
    return tokensFile === undefined ? undefined : readTokensFile(tokensFile)
  },
  hasLog: async ({ config }) => (await import('#infra/assemble.ts')).hasLog(config),
  openModels: async ({ config }) => (await import('#infra/assemble.ts')).openModels(config, { asked: true }),
  metrics: async () => (await import('#infra/prometheus/prometheus-report.ts')).openPrometheusReport(),
}

process.exitCode = await runProgram(process.argv.slice(2), ports)
