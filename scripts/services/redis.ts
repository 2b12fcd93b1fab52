/**
 * A real Redis on loopback, with an append-only file synced as asked.
 *
 * Promise: what it acknowledged under `fsync: 'always'` is there after `kill()` and `restart()`.
 */
import { writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { makeCertificates } from './certificates.ts'
import { freePort } from './ports.ts'
import { type Server, type ServerOptions, dataFolder, startServer } from './server.ts'

export interface RedisOptions extends ServerOptions {
  readonly port?: number
  /** `appendfsync`; default everysec, as Redis itself. */
  readonly fsync?: 'always' | 'everysec' | 'no'
  /** Further settings of redis.conf, e.g. `{ 'maxmemory-policy': 'allkeys-lru' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** With it nobody else is let in, and there is a second port, which is encrypted. Needs openssl. */
  readonly account?: RedisAccount
  readonly securedPort?: number
}

export interface RedisAccount {
  readonly user: string
  readonly password: string
  /** As in Redis' ACL. Default: everything, `~* &* +@all`. */
  readonly may?: string
}

export interface RedisServer extends Server {
  /** redis://127.0.0.1:<port> */
  readonly url: string
  readonly port: number
  /** Where an account was asked for: the encrypted port, and a PEM file that a client is to trust. */
  readonly secured?: { readonly port: number; readonly authority: string }
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort())
  const dataDir = await dataFolder('redis', options.dataDir)
  const secured = options.account && (await secure(options.account, { dataDir, port: options.securedPort }))
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: dataDir,
    appendonly: 'yes',
    appendfsync: options.fsync ?? 'everysec',
    save: '',
    daemonize: 'no',
    ...secured?.settings,
    ...options.settings,
  }
  const server = await startServer(
    {
      name: 'redis',
      file: 'redis-server',
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      ready: () => answersPing(port, options.account),
      startTimeoutMs: 20_000,
    },
    { dataDir, temporary: options.dataDir === undefined, detached: options.detached ?? false },
  )
  const { authority = '' } = secured ?? {}
  return Object.assign(server, {
    url: `redis://127.0.0.1:${port}`,
    port,
    ...(secured && { secured: { port: secured.port, authority } }),
  })
}

async function secure(account: RedisAccount, given: { readonly dataDir: string; readonly port: number | undefined }) {
  const { dataDir, port = await freePort() } = given
  const { authority, key, certificate } = await makeCertificates(join(dataDir, 'certificates'))
  const aclFile = join(dataDir, 'users.acl')
  const { user, password, may = '~* &* +@all' } = account
  await writeFile(aclFile, `user default off\nuser ${user} on >${password} ${may}\n`, { mode: 0o600 })
  const settings = {
    'tls-port': String(port),
    'tls-cert-file': certificate,
    'tls-key-file': key,
    'tls-ca-cert-file': authority,
    'tls-auth-clients': 'no',
    aclfile: aclFile,
  }
  return { port, authority, settings }
}

/** PONG also means that the append-only file is read: until then Redis answers LOADING. */
function answersPing(port: number, account: RedisAccount | undefined): Promise<boolean> {
  const asWhom = account === undefined ? '' : `AUTH ${account.user} ${account.password}\r\n`
  return new Promise((answer) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    let replies = ''
    socket.once('connect', () => socket.write(`${asWhom}PING\r\n`))
    socket.on('data', (reply) => {
      replies += reply.toString()
      if (asWhom !== '' && replies === '+OK\r\n') return
      socket.destroy()
      answer(replies.endsWith('+PONG\r\n'))
    })
    socket.once('error', () => answer(false))
    socket.once('close', () => answer(false))
  })
}
