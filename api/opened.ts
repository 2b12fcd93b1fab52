import type { LoadedConfig } from '#infra/config/config.ts'
import type { ShownSetting } from '#infra/config/show-config.ts'
import type { TokensFile } from '#infra/config/tokens-file.ts'
import type { StoreName } from '#processors/catalog.ts'
import type { Gateway } from '#processors/gateway.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Lattice, need, StartOptions } from '#processors/start.ts'
import type { Tasks } from '#processors/tasks.ts'
import type { Worker } from '#processors/work.ts'

/** A started process, as routes and commands use it; made in `main.ts` alone. */
export interface Opened {
  readonly lattice: Lattice
  readonly tasks: Tasks
  readonly gateway: Gateway
  /** A store that must be open here. Errors: `store.unknown`. */
  store<Name extends StoreName>(name: Name): ReturnType<typeof need<Name>>
  /** Starts the worker role. */
  work(): Promise<Worker>
  close(): Promise<void>
}

export interface OpenOptions extends Omit<StartOptions, 'threaded' | 'ownedAround' | 'moved' | 'stores' | 'readOnly'> {
  readonly stores: StoreChoice
  readonly readOnly?: StoreChoice
  /** Stores to fold in a thread of their own. */
  readonly thread?: readonly StoreName[]
  readonly loaded: LoadedConfig
  /** A log that is not there yet is not made. Errors: `log.unavailable`. */
  readonly existing?: boolean
  /** False where no model is asked; what asks them is not loaded then. */
  readonly models?: boolean
  /** Only warnings and errors go to the log, as lines for people; not how the log's server is set. */
  readonly quiet?: boolean
  /** Listens beside the log. */
  readonly report?: Report
}

type StoreChoice = readonly StoreName[] | 'all'

/** What `main.ts` gives the command line. */
export interface ProgramPorts {
  open(options: OpenOptions): Promise<Opened>
  readConfig(flags: Readonly<Record<string, string | boolean | undefined>>): Promise<LoadedConfig>
  showConfig(loaded: LoadedConfig): Promise<readonly ShownSetting[]>
  /** Undefined where none is set. */
  tokensFile(loaded: LoadedConfig): Promise<TokensFile | undefined>
  metrics(): Promise<Metrics>
  /** Whether there is a log; false where opening would make one. */
  hasLog(loaded: LoadedConfig): Promise<boolean>
  /** The models by themselves: no log is opened, nothing is written. */
  openModels(loaded: LoadedConfig): Promise<{ readonly models: Models; close(): Promise<void> }>
}

type Models = Opened['lattice']['given']['models']

/** A listener for signals, and what it has counted. */
export interface Metrics {
  readonly report: Report
  readonly contentType: string
  metrics(): Promise<string>
}
