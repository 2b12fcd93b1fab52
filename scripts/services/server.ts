/**
 * One real server as a child process: started, waited for, killed, started again on the same port and data, stopped.
 *
 * Promise: nothing outlives its owner unless `detached` is asked for. A server is ended by its own pid, never by name;
 * where the kernel can tie a child to its parent (Linux, `setpriv`), even a killed parent takes its servers along.
 * `pid` is the server's own process, so a test may stop (SIGSTOP) or kill (SIGKILL) exactly that.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ServerCommand {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  /** Answers whether the server takes requests now; called until it says yes. */
  readonly ready: (logFile: string) => Promise<boolean>
  readonly startTimeoutMs: number
}

export interface ServerOptions {
  /** Where data, log and pid file go. Without it: a temporary folder, removed by `stop()`. */
  readonly dataDir?: string
  /** Let the server outlive this process (services started by hand). */
  readonly detached?: boolean
}

export interface Server {
  /** The pid of the running process; after `restart()` another one. */
  readonly pid: number
  readonly dataDir: string
  readonly logFile: string
  /** Sends a signal (default SIGKILL). Resolves once the process is gone; for SIGSTOP and SIGCONT at once. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and data, ending it first if it still runs. Resolves once it answers. */
  restart(): Promise<void>
  /** Ends it in order (SIGTERM, after 15 s SIGKILL) and removes a temporary data folder. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A folder for a server's data: the one asked for, or a fresh temporary one. */
export async function dataFolder(name: string, given?: string): Promise<string> {
  if (given === undefined) return await mkdtemp(join(tmpdir(), `lattice-${name}-`))
  await mkdir(given, { recursive: true })
  return resolve(given)
}

export async function startServer(
  command: ServerCommand,
  options: { readonly dataDir: string; readonly temporary: boolean; readonly detached: boolean },
): Promise<Server> {
  const { dataDir } = options
  const logFile = join(dataDir, `${command.name}.log`)
  let child = await launch(command, logFile, options)

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (gone(child)) return
    child.kill(signal)
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await ended(child)
  }

  async function end(): Promise<void> {
    if (gone(child)) return
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000)
    await ended(child)
    clearTimeout(late)
  }

  async function restart(): Promise<void> {
    await end()
    child = await launch(command, logFile, options)
  }

  async function stop(): Promise<void> {
    await end()
    await rm(pidFile(dataDir), { force: true })
    if (options.temporary) await rm(dataDir, { recursive: true, force: true })
  }

  return {
    get pid() {
      return pidOf(child)
    },
    dataDir,
    logFile,
    kill,
    restart,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The pid a server wrote in this folder, if that very process still runs. */
export async function pidInFolder(dataDir: string): Promise<number | undefined> {
  const text = await readFile(pidFile(dataDir), 'utf8').catch(() => '')
  const [pid, startedAt] = text.trim().split(' ')
  if (!pid || (await startTicks(Number(pid))) !== startedAt) return undefined
  return Number(pid)
}

/** Ends the server that an earlier process started in this folder. Answers whether there was one. */
export async function stopInFolder(dataDir: string): Promise<boolean> {
  const pid = await pidInFolder(dataDir)
  if (pid === undefined) return false
  process.kill(pid, 'SIGTERM')
  for (let waitedMs = 0; (await pidInFolder(dataDir)) === pid; waitedMs += 100) {
    if (waitedMs === 15_000) process.kill(pid, 'SIGKILL')
    await sleep(100)
  }
  await rm(pidFile(dataDir), { force: true })
  return true
}

async function launch(
  command: ServerCommand,
  logFile: string,
  options: { readonly dataDir: string; readonly detached: boolean },
): Promise<ChildProcess> {
  const log = await open(logFile, 'w')
  const tied = !options.detached && setpriv !== undefined
  const child = tied
    ? spawn(setpriv, ['--pdeathsig', 'KILL', command.file, ...command.args], { stdio: ['ignore', log.fd, log.fd] })
    : spawn(command.file, command.args, { stdio: ['ignore', log.fd, log.fd], detached: options.detached })
  let failure: Error | undefined
  child.once('error', (error) => (failure = error))
  await log.close()

  if (options.detached) child.unref()
  else {
    running.add(child)
    child.once('exit', () => running.delete(child))
  }

  const deadline = performance.now() + command.startTimeoutMs
  for (;;) {
    if (failure !== undefined) throw failure
    if (gone(child)) throw new Error(`${command.name} ended at its start:\n${await tail(logFile)}`)
    if (await command.ready(logFile)) break
    if (performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`${command.name} did not answer in ${command.startTimeoutMs} ms:\n${await tail(logFile)}`)
    }
    await sleep(50)
  }
  await writeFile(pidFile(options.dataDir), `${pidOf(child)} ${(await startTicks(pidOf(child))) ?? ''}\n`)
  return child
}

function pidFile(dataDir: string): string {
  return join(dataDir, 'server.pid')
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the server has no process')
  return child.pid
}

function gone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function ended(child: ChildProcess): Promise<void> {
  if (gone(child)) return
  await new Promise<void>((done) => child.once('exit', () => done()))
}

/** When a process began: with the pid it names one process for good. Where there is no /proc, only that it lives. */
async function startTicks(pid: number): Promise<string | undefined> {
  if (existsSync('/proc/self/stat')) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === '' || state === 'Z' ? undefined : rest[18]
  }
  try {
    process.kill(pid, 0)
    return 'alive'
  } catch {
    return undefined
  }
}

async function tail(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '')
  return text.split('\n').slice(-40).join('\n')
}
