import { Command, CommanderError } from 'commander'
import { isFailure } from '#processors/ports/failure.ts'
import type { ProgramPorts } from '#api/opened.ts'
import type { CliCommand, ExitCode } from './command.ts'
import { commands, groups } from './commands.ts'
import { createPrint } from './print.ts'
import { version } from './version.ts'

/**
 * The command line: parses, loads the one command asked for, and turns what it does into an exit code.
 *
 * Promise: `--help` loads no command; a Failure is one line and what to do, never a stack. A reader of the output that
 * leaves ends the command with exit code 0.
 */

const settingFlags = [
  ['--data <folder>', 'the folder that holds all state (LATTICE_DATA)', 'data'],
  ['--log <address>', 'embedded:<folder> | redis://… | kafka://host:port,… (LATTICE_LOG)', 'log'],
  ['--runs-dir <folder>', 'where run folders are (LATTICE_RUNS_DIR)', 'runsDir'],
  ['--config <file>', 'settings file (LATTICE_CONFIG; lattice.toml where there is one)', 'configFile'],
  ['--log-level <level>', 'trace | debug | info | warn | error | silent (LATTICE_LOG_LEVEL)', 'logLevel'],
] as const

export async function runProgram(argv: readonly string[], ports: ProgramPorts): Promise<ExitCode> {
  let exit: ExitCode = 0
  const program = new Command('lattice')
    .description('Runs small-model work and remembers all of it. Without a command it serves, as lattice serve does.')
    .version(version)
    .showHelpAfterError('(lattice --help shows what there is)')
    .exitOverride()
  for (const [flags, help] of settingFlags) program.option(flags, help)
  program.addHelpText(
    'after',
    '\nExit codes: 0 done · 1 the answer is no · 2 wrong usage or settings · 3 unreachable · 130 interrupted',
  )
  for (const command of commands) {
    addCommand(program, command, async (context) => {
      exit = await carryOut(command, context, program, ports)
    })
  }
  try {
    await program.parseAsync(argv.length === 0 ? ['serve'] : [...argv], { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
}

interface Called {
  readonly arguments: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
}

function addCommand(
  program: Command,
  { usage, summary, options, examples }: CliCommand,
  act: (called: Called) => Promise<void>,
): void {
  const path = wordsOf(usage)
  let parent = program
  for (const name of path.slice(0, -1)) {
    parent = parent.commands.find((one) => one.name() === name) ?? addGroup(parent, name)
  }
  const command = parent
    .command(
      usage
        .split(' ')
        .slice(path.length - 1)
        .join(' '),
    )
    .description(summary)
    .showHelpAfterError(`(lattice ${path.join(' ')} --help shows what it takes)`)
    .exitOverride()
  for (const [flags, help] of options ?? []) command.option(flags, help)
  if (examples !== undefined)
    command.addHelpText('after', `\nExamples:\n${examples.map((one) => `  ${one}`).join('\n')}`)
  command.action(async () => act({ arguments: command.args, options: command.opts() }))
}

function addGroup(parent: Command, name: string): Command {
  return parent
    .command(name)
    .description(groups[name] ?? '')
    .showHelpAfterError(`(lattice ${name} --help shows what there is)`)
}

/** `store rebuild <store>` → `store`, `rebuild`. */
function wordsOf(usage: string): readonly string[] {
  const words = usage.split(' ')
  const depth = words.findIndex((word) => /^[<[]/.test(word))
  return depth === -1 ? words : words.slice(0, depth)
}

async function carryOut(command: CliCommand, called: Called, program: Command, ports: ProgramPorts): Promise<ExitCode> {
  const interrupted = new AbortController()
  const unread = new AbortController()
  const print = createPrint(() => {
    unread.abort()
    interrupted.abort()
  })
  const interrupt = (): void => {
    if (interrupted.signal.aborted) process.exit(130)
    interrupted.abort()
  }
  // A supervisor may say it twice, to the group and to the launcher: it is one and the same.
  const terminate = (): void => interrupted.abort()
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', terminate)
  try {
    const global: Record<string, string | undefined> = program.opts()
    const flags = Object.fromEntries(settingFlags.map(([flag, , name]) => [name, global[flagName(flag)]]))
    const useRag = called.options['rag'] === false ? { useRag: false } : {}
    const loaded = await ports.readConfig({ ...called.options, ...useRag, ...flags })
    const action = await command.load()
    const exit = await action({
      ...called,
      loaded,
      print,
      signal: interrupted.signal,
      commands,
      metrics: ports.metrics,
      settings: () => ports.showConfig(loaded),
      open: (options) => unlessTold(ports.open({ ...options, loaded }), interrupted.signal),
      hasLog: () => ports.hasLog(loaded),
      tokensFile: () => ports.tokensFile(loaded),
      openModels: () => ports.openModels(loaded),
    })
    return unread.signal.aborted ? 0 : exit
  } catch (error) {
    if (unread.signal.aborted) return 0
    if (interrupted.signal.aborted && isAbort(error)) return 130
    if (!isFailure(error)) throw error
    const help =
      error.code === 'request.invalid' ? `${wordsOf(command.usage).join(' ')} --help shows what it takes` : ''
    print.error(error.message, error.remedy === '' && help !== '' ? `lattice ${help}` : error.remedy)
    return exitCodeOf(error.code)
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', terminate)
  }
}

/** A log that is not there is waited for; who is told to stop meanwhile has nothing to finish, and ends soon. */
async function unlessTold<T>(opening: Promise<T>, signal: AbortSignal): Promise<T> {
  const told = Promise.withResolvers<never>()
  const stop = (): void => {
    setTimeout(() => process.exit(130), endWithinMs).unref()
    told.reject(new DOMException('told to stop while opening', 'AbortError'))
  }
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    return await Promise.race([opening, told.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const endWithinMs = 1_000

/** What waits are rejected with when they are told to stop. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** `--log-level <level>` → `logLevel`, as commander names it. */
function flagName(flags: string): string {
  return (/--([a-z-]+)/.exec(flags)?.[1] ?? '').replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}

function exitCodeOf(code: string): ExitCode {
  if (/^(settings|request|auth|provider)\./.test(code)) return 2
  if (code === 'store.unknown') return 1
  if (/^(log|store|append|position|schema)\./.test(code)) return 3
  return 1
}
