/**
 * A real Redis on loopback, with an append-only file synced as asked.
 *
 * Promise: what it acknowledged under `fsync: 'always'` is there after `kill()` and `restart()`.
 */
import { createConnection } from 'node:net'
import { freePort } from './ports.ts'
import { type Server, type ServerOptions, dataFolder, startServer } from './server.ts'

export interface RedisOptions extends ServerOptions {
  readonly port?: number
  /** `appendfsync`; default everysec, as Redis itself. */
  readonly fsync?: 'always' | 'everysec' | 'no'
  /** Further settings of redis.conf, e.g. `{ 'maxmemory-policy': 'allkeys-lru' }`. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface RedisServer extends Server {
  /** redis://127.0.0.1:<port> */
  readonly url: string
  readonly port: number
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort())
  const dataDir = await dataFolder('redis', options.dataDir)
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: dataDir,
    appendonly: 'yes',
    appendfsync: options.fsync ?? 'everysec',
    save: '',
    daemonize: 'no',
    ...options.settings,
  }
  const server = await startServer(
    {
      name: 'redis',
      file: 'redis-server',
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      ready: () => answersPing(port),
      startTimeoutMs: 20_000,
    },
    { dataDir, temporary: options.dataDir === undefined, detached: options.detached ?? false },
  )
  return Object.assign(server, { url: `redis://127.0.0.1:${port}`, port })
}

/** PONG also means that the append-only file is read: until then Redis answers LOADING. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (reply) => {
      socket.destroy()
      answer(reply.toString().startsWith('+PONG'))
    })
    socket.once('error', () => answer(false))
    socket.once('close', () => answer(false))
  })
}
