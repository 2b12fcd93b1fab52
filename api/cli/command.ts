import type { Opened, OpenOptions, ProgramPorts } from '#api/opened.ts'
import type { Print } from './print.ts'

/**
 * What a command of the CLI is: a line in `commands.ts`, and a module that is loaded when it is called.
 *
 * Exit codes: 0 done · 1 done, but the answer is no (a run not accepted, a check failed) · 2 wrong usage or settings ·
 * 3 the log, a store or a server can't be reached or refuses · 130 interrupted.
 */
export interface CliCommand {
  /** In commander's syntax: `run <prompt>`. */
  readonly usage: string
  readonly summary: string
  /** Commander option flags with their help. */
  readonly options?: readonly (readonly [flags: string, help: string])[]
  readonly examples?: readonly string[]
  readonly load: () => Promise<CliAction>
}

export type CliAction = (context: CliContext) => Promise<ExitCode>
export type ExitCode = 0 | 1 | 2 | 3 | 130

export interface CliContext {
  readonly arguments: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  readonly loaded: OpenOptions['loaded']
  readonly print: Print
  /** Aborted by SIGINT and SIGTERM, and when nobody reads the output any more. */
  readonly signal: AbortSignal
  /** Every command there is. */
  readonly commands: readonly CliCommand[]
  /** Every setting as people may see it. */
  settings(): ReturnType<ProgramPorts['showConfig']>
  /** A listener for signals that `/metrics` shows. */
  metrics: ProgramPorts['metrics']
  open(options: Omit<OpenOptions, 'loaded'>): Promise<Opened>
  /** Whether there is a log; false where opening would make one. */
  hasLog(): Promise<boolean>
  tokensFile(): ReturnType<ProgramPorts['tokensFile']>
  openModels(): ReturnType<ProgramPorts['openModels']>
}

/** A result as people or, with `--json`, programs read it. */
export function answer({ options, print }: CliContext, value: object, text: string): void {
  if (options['json'] === true) print.json(value)
  else print.out(text)
}
