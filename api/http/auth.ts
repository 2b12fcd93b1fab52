import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { Failure } from '#processors/ports/failure.ts'

/**
 * Who may ask: anybody on loopback while no token is set; with tokens, only who brings one.
 *
 * Promise: tokens are compared by their hashes in constant time; a token is in no log and no error.
 */
export type Principal = string

export function authenticate(tokens: ReadonlyMap<string, Principal>): (request: FastifyRequest) => Principal {
  const known = [...tokens].map(([token, principal]) => ({ hash: hashOf(token), principal }))
  return (request) => {
    if (known.length === 0) return 'local'
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
  return /^Bearer +(\S+)$/i.exec(header ?? '')?.[1]
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
