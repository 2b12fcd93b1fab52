import { type ChildProcess, spawn } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/**
 * A process of a gateway measure: it says a line when it listens, and ends when its owner does.
 */
export interface Child {
  /** The next line it writes; undefined once it has ended. */
  line(): Promise<string | undefined>
  say(line: string): void
  readonly process: ChildProcess
  [Symbol.asyncDispose](): Promise<void>
}

export function startChild(file: string, ...args: readonly string[]): Child {
  const started = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => started.once('exit', () => resolve()))
  const lines = createInterface(started.stdout)[Symbol.asyncIterator]()
  return {
    process: started,
    async line() {
      const next = await lines.next()
      return next.done === true ? undefined : next.value
    },
    say: (line) => void started.stdin.write(`${line}\n`),
    async [Symbol.asyncDispose]() {
      started.kill('SIGTERM')
      await ended
    },
  }
}

/** In the child: says where it listens. */
export function listening(server: Server, port: number): void {
  server.listen(port, '127.0.0.1', () => {
    const { port: given } = server.address() as AddressInfo
    process.stdout.write(`http://127.0.0.1:${given}\n`)
  })
}

/** In the child: whoever started it holds the other end of its stdin. */
export function endWithOwner(): void {
  const end = (): void => process.exit(0)
  process.stdin.on('end', end).on('error', end).resume()
}
