import type { BudgetRule, PriceRule } from './ports/budget-rules.ts'
import type { Clock } from './ports/clock.ts'
import type { ColumnStore } from './ports/column-store.ts'
import type { EventLog } from './ports/event-log.ts'
import type { FolderStore } from './ports/folder-store.ts'
import type { Objects } from './ports/objects.ts'
import type { ProcessLocks } from './ports/process-locks.ts'
import type { Report } from './ports/report.ts'
import type { Roster } from './ports/roster.ts'
import type { RowFile } from './ports/row-file.ts'
import type { SchemaIds } from './ports/schema-ids.ts'
import type { SpanExporter } from './ports/span-exporter.ts'
import type { SqlSandbox } from './ports/sql-sandbox.ts'
import type { StoreBuilds } from './ports/store-builds.ts'
import type { TableStore } from './ports/table-store.ts'
import type { WorkShare } from './ports/work-share.ts'
import type { Models } from './models/given-models.ts'

/**
 * Everything processors are given from outside: the ports, opened or ready to be opened, and the settings they take.
 *
 * `infra/assemble.ts` makes it from the configuration; a test makes its own.
 */
export interface Given {
  readonly log: EventLog
  readonly openWorkShare: () => Promise<WorkShare>
  readonly schemaIds: SchemaIds
  readonly objects: Objects
  readonly builds: StoreBuilds
  readonly locks: ProcessLocks
  readonly openTables: (path: string, options: { schema?: readonly string[]; readOnly?: boolean }) => TableStore
  readonly openColumns: (path: string) => Promise<ColumnStore>
  readonly openFolders: (folder: string, as: { live: boolean }) => FolderStore
  /** A file of rows that others append to as well; `name` is that of our writer's note. */
  readonly openRowFile: (path: string, name: string) => RowFile
  readonly openSqlSandbox: () => Promise<SqlSandbox>
  /** A folder of this process alone for what nobody needs after it: made when first asked for, removed with it. */
  readonly scratch: () => string
  /** Path of the referee's database, one a log. */
  readonly refereePath: (logId: string) => string
  /** Writes a copy of the log, of one moment, at a path; undefined where the log is not a file of ours. */
  readonly copyLog?: (path: string) => Promise<void>
  readonly models: Models
  /** Whom answers may name; none where none is configured. */
  readonly roster?: Roster
  /** Opens what traces are sent to; none where nobody asked for it. */
  readonly openSpanExporter?: () => Promise<SpanExporter>
  readonly clock: Clock
  readonly report: Report
  readonly settings: Settings
}

export interface Settings {
  /** Name of this process in events: `<host>-<pid>-<random>`. */
  readonly worker: string
  /** Values no event may hold. */
  readonly secrets: readonly string[]
  readonly claimCheckBytes: number
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
  readonly attempts: number
  readonly attemptTimeoutMs: number
  readonly deadlineMs: number
  readonly retrieval: { readonly maxDocuments: number; readonly k: number; readonly threshold: number } | undefined
  /** The folder whose documents tasks of this process see. */
  readonly folder: string
  /** Whose playbooks replays retrieve, and where their rows go; `folder` where nobody says. */
  readonly replayRoot?: string | undefined
  readonly budgets: readonly BudgetRule[]
  /** They go before the prices that are built in. */
  readonly prices: readonly PriceRule[]
  /** Where each iterate run gets its row; undefined for nowhere. */
  readonly sessionLog: string | undefined
  /** Runs carried out at a time by this process's worker. */
  readonly window: number
}
