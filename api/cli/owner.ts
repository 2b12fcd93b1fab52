import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { Opened } from '#api/opened.ts'
import type { CliContext } from './command.ts'
import { othersOn, servingOf } from './serving-address.ts'

/**
 * The process that owns the stores, asked over HTTP where it has said that it listens, or is configured to.
 *
 * Promise: only one that owns the very same store is asked; what it refuses is passed on in its own words.
 */
export interface Owner {
  get(path: string): Promise<unknown>
  post(path: string, body: unknown): Promise<unknown>
}

/** The owner of a store; undefined when nobody who owns it listens. */
export async function findOwner(
  context: CliContext,
  lattice: Opened['lattice'],
  store: string,
): Promise<Owner | undefined> {
  const { data, host, port } = context.loaded.config
  const recorded = servingOf(data, lattice.given.locks).map(({ address }) => address)
  for (const base of new Set([...recorded, baseOf(host, port)])) {
    const owner = await ownerAt(base, context, { lattice, store })
    if (owner !== undefined) return owner
  }
  return undefined
}

async function ownerAt(
  base: string,
  { loaded, signal }: CliContext,
  { lattice, store }: { readonly lattice: Opened['lattice']; readonly store: string },
): Promise<Owner | undefined> {
  const { authToken } = loaded.config
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
  if (!lattice.given.builds.list(store).some(({ id }) => id === found?.build)) return undefined
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
  throw ownedElsewhere(context, lattice, store)
}

/** What is said of a store whose owner can't be asked. */
export function ownedElsewhere({ loaded }: CliContext, lattice: Opened['lattice'], store: string): Failure {
  const { data, host, port } = loaded.config
  const others = othersOn(data, lattice)
  const owner = others.length === 0 ? 'another process' : `process ${others.join(' or ')}`
  const serving = servingOf(data, lattice.given.locks).map(({ address }) => address)
  const where = serving.length === 0 ? '' : `; the server at ${serving.join(', ')} does not own it or does not answer`
  const remedy = `wait until that process has ended, or stop it; a server elsewhere is asked where LATTICE_HOST and LATTICE_PORT say (now ${host}:${port})`
  return new Failure('store.locked', `store ${store} belongs to ${owner}${where}`, { remedy })
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

/** Where a process that listens so is asked from this machine. */
export function baseOf(host: string, port: number): string {
  return `http://${reachable(host)}:${port}`
}

/** An address that means "all" is asked on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
