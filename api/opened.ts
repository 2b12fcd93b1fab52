import type { LoadedConfig } from '#infra/config/config.ts'
import type { StoreName } from '#processors/catalog.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Lattice, StartOptions } from '#processors/start.ts'
import type { Tasks } from '#processors/tasks.ts'
import type { Worker } from '#processors/work.ts'

/** A started process, as routes and commands use it; made in `main.ts` alone. */
export interface Opened {
  readonly lattice: Lattice
  readonly tasks: Tasks
  /** Starts the worker role. */
  work(): Promise<Worker>
  close(): Promise<void>
}

export interface OpenOptions extends Omit<StartOptions, 'threaded' | 'ownedAround' | 'moved'> {
  /** Stores to fold in a thread of their own. */
  readonly thread?: readonly StoreName[]
  readonly loaded: LoadedConfig
  /** Only warnings and errors go to the log. */
  readonly quiet?: boolean
  /** Listens beside the log. */
  readonly report?: Report
}
