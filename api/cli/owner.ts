import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { Opened } from '#api/opened.ts'
import type { CliContext } from './command.ts'

/**
 * The process that owns the stores, asked over HTTP where it is configured to listen.
 *
 * Promise: only one that owns the very same store is asked; what it refuses is passed on in its own words.
 */
export interface Owner {
  get(path: string): Promise<unknown>
  post(path: string, body: unknown): Promise<unknown>
}

/** The owner of a store; undefined when nobody who owns it listens there. */
export async function findOwner(
  { loaded, signal }: CliContext,
  { given }: Opened['lattice'],
  store: string,
): Promise<Owner | undefined> {
  const { host, port, authToken } = loaded.config
  const base = `http://${reachable(host)}:${port}`
  const headers: Record<string, string> = authToken === undefined ? {} : { authorization: `Bearer ${authToken}` }

  async function ask(path: string, body?: unknown): Promise<unknown> {
    const init: RequestInit =
      body === undefined
        ? { headers }
        : { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }
    let response: Response
    try {
      response = await fetch(`${base}${path}`, { ...init, signal })
    } catch (error) {
      throw new Failure('store.locked', `${base} does not answer`, { cause: error })
    }
    return read(response)
  }
  const { stores = [] } = ((await ask('/v1/stores').catch(unlessRefused)) ?? {}) as { stores?: readonly OwnedStore[] }
  const found = stores.find(({ name, state }) => name === store && state !== 'elsewhere')
  // Another server may listen there: builds have names that no two folders share.
  if (!given.builds.list(store).some(({ id }) => id === found?.build)) return undefined
  return {
    get: (path) => ask(path),
    post: (path, body) => ask(path, body),
  }
}

interface OwnedStore {
  readonly name: string
  readonly state: string
  readonly build: string | null
}

/** Errors: `store.locked`, when there is none. */
export async function needOwner(context: CliContext, lattice: Opened['lattice'], store: string): Promise<Owner> {
  const owner = await findOwner(context, lattice, store)
  if (owner !== undefined) return owner
  const { host, port } = context.loaded.config
  throw new Failure(
    'store.locked',
    `store ${store} belongs to another process, which does not listen at ${host}:${port}`,
    {
      remedy: 'set LATTICE_HOST and LATTICE_PORT as that process has them, or stop it',
    },
  )
}

function unlessRefused(error: unknown): undefined {
  if (isFailure(error, 'auth.required')) throw error
}

async function read(response: Response): Promise<unknown> {
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok) return body
  if (response.status === 401) {
    throw new Failure('auth.required', `${response.url} needs a token`, {
      remedy: 'set LATTICE_AUTH_TOKEN as that server has it',
    })
  }
  const { detail = '', title = '', remedy = '' } = (body ?? {}) as { detail?: string; title?: string; remedy?: string }
  const why = detail === '' ? title : detail
  const code = response.status === 400 || response.status === 422 ? 'request.invalid' : 'store.locked'
  throw new Failure(code, why === '' ? `${response.url} answers ${response.status}` : why, { remedy })
}

/** An address that means "all" is asked on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
