import { readFileSync } from 'node:fs'
import { createHttp } from '#api/http/server.ts'
import { Failure } from '#processors/ports/failure.ts'
import { storeNames } from '#processors/catalog.ts'
import type { CliAction, CliContext } from './command.ts'

/**
 * `lattice serve`: API, stores and worker in one process, or some of them by `--role`.
 *
 * Promise: refuses to listen beyond loopback without a token. On SIGTERM it stops taking, finishes or leaves resumable
 * what is under way within 10 s, and exits 0.
 */
const roles = ['api', 'stores', 'worker'] as const
type Role = (typeof roles)[number]
const graceMs = 8_000

export const serve: CliAction = async (context) => {
  const { loaded, print, signal } = context
  const { config } = loaded
  const wanted = rolesOf(context.options['role'])
  const tokens = tokensOf(config)
  refuseOpenDoor(config.host, tokens)
  const prometheus = await context.metrics()
  const stores = wanted.has('stores') ? storeNames : (['lookup', 'search'] as const)
  const opened = await context.open({ role: [...wanted].join('+'), stores, thread: ['folders', 'warehouse'], report: prometheus.report })
  const worker = wanted.has('worker') ? await opened.work() : undefined
  const http = wanted.has('api')
    ? await createHttp(opened, {
        tokens,
        corsOrigins: config.corsOrigins,
        metrics: async () => ({ contentType: prometheus.contentType, body: await prometheus.metrics() }),
      })
    : undefined
  try {
    if (http !== undefined) {
      const address = await http.listen({ host: config.host, port: config.port }).catch((error: NodeJS.ErrnoException) => {
        throw new Failure('settings.invalid', `cannot listen on ${config.host}:${config.port}: ${error.code ?? error.message}`, {
          remedy: 'set LATTICE_PORT to a free port, or stop what listens there',
        })
      })
      print.note(`api     ${address}/v1`)
      print.note(`docs    ${address}/docs`)
    }
    const { log } = opened.lattice.given
    print.note(`log     ${log.backend} ${log.id} (${log.durability})`)
    print.note(`stores  ${opened.lattice.owned.map(({ name }) => name).join(', ') || 'owned by another process'}`)
    if (worker !== undefined) print.note('worker  taking tasks')
    if (wanted.has('worker') && config.useRag) void ingest(context, opened)
    const failure = await Promise.race([aborted(signal), opened.lattice.broken])
    if (failure instanceof Failure) print.error(failure.message, failure.remedy)
    return failure instanceof Failure ? 3 : 0
  } finally {
    await http?.close()
    await worker?.stop(graceMs)
    await opened.close()
  }
}

async function ingest({ loaded: { config }, print }: CliContext, { tasks, lattice }: Awaited<ReturnType<CliContext['open']>>): Promise<void> {
  try {
    const { ingested } = await tasks.ingest(lattice.given.settings.folder, config.ragMaxIngest)
    if (ingested > 0) print.note(`corpus  ${ingested} documents ingested`)
  } catch (error) {
    print.error(`the folder's documents were not ingested: ${(error as Error).message}`)
  }
}

function rolesOf(given: string | boolean | undefined): ReadonlySet<Role> {
  if (typeof given !== 'string') return new Set(roles)
  const names = given.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !roles.some((role) => role === name))
  if (unknown !== undefined) throw new Failure('settings.invalid', `there is no role ${unknown}; there are: ${roles.join(', ')}`)
  return new Set(names as Role[])
}

type Config = CliContext['loaded']['config']

/** Lines of the tokens file are `<name> <token>`; the file must be private to its owner. */
function tokensOf({ authToken, tokensFile }: Config): Map<string, string> {
  const tokens = new Map<string, string>()
  if (authToken !== undefined) tokens.set(authToken, 'token')
  if (tokensFile === undefined) return tokens
  for (const line of readTokens(tokensFile).split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, name, token] = /^(\S+)\s+(\S{8,})\s*$/.exec(line) ?? []
    if (name === undefined || token === undefined) {
      throw new Failure('settings.invalid', 'LATTICE_TOKENS_FILE: each line is a name and a token of at least 8 characters')
    }
    tokens.set(token, name)
  }
  return tokens
}

function readTokens(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure('settings.invalid', `LATTICE_TOKENS_FILE: ${path} cannot be read`, { cause: error })
  }
}

function refuseOpenDoor(host: string, tokens: ReadonlyMap<string, string>): void {
  if (tokens.size > 0 || /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host)) return
  throw new Failure('settings.invalid', `LATTICE_HOST=${host} is reachable from other machines, and no token is set`, {
    remedy: 'set LATTICE_AUTH_TOKEN, or LATTICE_HOST=127.0.0.1',
  })
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
