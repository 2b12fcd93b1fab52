/**
 * The fake OpenAI-compatible server in a process of its own, so that it outlives what is killed and takes no time from
 * what is measured. It ends with its owner.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { Fault } from './openai-faults.ts'

export interface FakeOpenAiProcess {
  /** Base URL, ending in `/v1`. */
  readonly url: string
  readonly pid: number
  /** Calls that have arrived. */
  callCount(): Promise<number>
  script(given: { readonly script?: readonly Fault[]; readonly always?: Fault | null }): Promise<void>
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface FakeProcessOptions {
  readonly port?: number
  readonly latencyMs?: number
  readonly answer?: string
  /** Answers with the last message's content instead. */
  readonly echo?: boolean
  /** Characters of a streamed answer's text a chunk. */
  readonly chunkSize?: number
  /** Time between two events of a stream, each then written on its own. */
  readonly chunkDelayMs?: number
}

export async function startFakeOpenAiProcess(options: FakeProcessOptions = {}): Promise<FakeOpenAiProcess> {
  const { port = 0, latencyMs = 0, answer = 'ok', echo = false, chunkSize = 4, chunkDelayMs } = options
  const given = [
    '--port',
    String(port),
    '--latency',
    String(latencyMs),
    '--answer',
    answer,
    ...(echo ? ['--echo'] : []),
    '--chunk-size',
    String(chunkSize),
    ...(chunkDelayMs === undefined ? [] : ['--chunk-delay', String(chunkDelayMs)]),
  ]
  const main = join(import.meta.dirname, 'openai-server-main.ts')
  const child = spawn(process.execPath, [main, '--until-stdin-ends', ...given], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the fake model server ended with ${code}`)))
  })
  const origin = new URL(url).origin
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  return {
    url,
    pid: child.pid ?? 0,
    async callCount() {
      const { count } = (await (await fetch(`${origin}/calls`)).json()) as { count: number }
      return count
    },
    async script(faults) {
      await (await fetch(`${origin}/script`, { method: 'POST', body: JSON.stringify(faults) })).arrayBuffer()
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
