/**
 * The program: configuration → assemble → start → one command.
 *
 * Promise: the only file that reads the environment's configuration and chooses backends; nothing is loaded that the
 * command does not need. Without a command it serves.
 */
import type { PinoReportOptions } from '#infra/pino/pino-report.ts'
import type { CliContext, Metrics } from './cli/command.ts'
import { runProgram } from './cli/program.ts'
import type { StoreName } from '#processors/catalog.ts'
import type { LiveStore } from '#processors/stores/live-store.ts'
import type { Opened, OpenOptions } from './opened.ts'

type Level = PinoReportOptions['level']

async function open(options: OpenOptions): Promise<Opened> {
  const [{ assemble }, { start }, { tasksOf }, { openPinoReport }, { knownSecrets }] = await Promise.all([
    import('#infra/assemble.ts'),
    import('#processors/start.ts'),
    import('#processors/tasks.ts'),
    import('#infra/pino/pino-report.ts'),
    import('#infra/config/keys.ts'),
  ])
  const { config } = options.loaded
  const log = await openPinoReport({ level: options.quiet === true ? quieter(config.logLevel) : (config.logLevel as Level), secrets: knownSecrets(config) })
  const report = options.report === undefined ? log : both(log, options.report)
  const { given, close } = await assemble(config, report)
  const threaded = options.thread === undefined ? {} : { threaded: { names: options.thread, open: openThread } }
  const lattice = await start(given, { ...options, ...threaded }).catch(async (error: unknown) => {
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

/** A command that prints for people keeps the log to what they must know. */
function quieter(level: string): Level {
  return level === 'info' ? 'warn' : (level as Level)
}

function both(one: Opened['lattice']['given']['report'], other: typeof one): typeof one {
  return (signal) => {
    one(signal)
    other(signal)
  }
}

async function readConfig(flags: Readonly<Record<string, string | boolean | undefined>>): Promise<OpenOptions['loaded']> {
  const { readConfig: read } = await import('#infra/config/config.ts')
  return read({ flags })
}

async function metrics(): Promise<Metrics> {
  const { openPrometheusReport } = await import('#infra/prometheus/prometheus-report.ts')
  return openPrometheusReport()
}

async function showConfig(loaded: OpenOptions['loaded']): ReturnType<CliContext['settings']> {
  return (await import('#infra/config/show-config.ts')).showConfig(loaded)
}

process.exitCode = await runProgram(process.argv.slice(2), { open, readConfig, metrics, showConfig })
