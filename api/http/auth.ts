import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { Failure } from '#processors/ports/failure.ts'
import { HttpProblem } from './problem.ts'

/**
 * Who may ask: with tokens only who brings one; without, anybody on this machine, but no page of a foreign site.
 *
 * Promise: tokens are compared by their hashes in constant time; a token is in no log and no error. Without tokens a
 * request must be addressed to this machine by a name of its own (a foreign name that resolves here is DNS rebinding),
 * and what changes something must not come from another origin.
 */
export type Principal = string

export interface AuthOptions {
  readonly tokens: ReadonlyMap<string, Principal>
  readonly corsOrigins: readonly string[]
}

export function authenticate({ tokens, corsOrigins }: AuthOptions): (request: FastifyRequest) => Principal {
  const known = [...tokens].map(([token, principal]) => ({ hash: hashOf(token), principal }))
  return (request) => {
    if (known.length === 0) {
      refuseForeign(request, corsOrigins)
      return 'local'
    }
    if (request.routeOptions.config.open === true) return 'anybody'
    const given = hashOf(bearer(request.headers.authorization) ?? '')
    let found: Principal | undefined
    for (const { hash, principal } of known) if (timingSafeEqual(hash, given)) found = principal
    if (found === undefined) {
      throw new Failure('auth.required', 'this server needs a token', { remedy: 'send: Authorization: Bearer <token>' })
    }
    return found
  }
}

function bearer(header: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1]
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

const loopback = /^(localhost|[a-z0-9-]+\.localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i

function refuseForeign({ method, headers }: FastifyRequest, corsOrigins: readonly string[]): void {
  const { host, origin } = headers
  if (host !== undefined && !loopback.test(host)) {
    throw new HttpProblem('origin.refused', 'without a token this server answers to loopback names alone', {
      remedy: 'ask http://127.0.0.1, or set LATTICE_AUTH_TOKEN',
    })
  }
  const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
  if (reads || origin === undefined || isOwn(origin, host)) return
  if (corsOrigins.includes('*') || corsOrigins.includes(origin)) return
  throw new HttpProblem('origin.refused', 'pages of another origin may not change anything here', {
    remedy: 'add the origin to LATTICE_CORS_ORIGINS',
  })
}

function isOwn(origin: string, host: string | undefined): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}
