import type { ProgramPorts } from '#api/opened.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Principal } from './auth.ts'

/**
 * The tokens that open the door, and where it may stand.
 *
 * Promise: a server that other machines can reach has a token, and so has one that was given a file of them
 * (`settings.invalid` otherwise).
 */
export interface DoorSettings {
  readonly host: string
  readonly authToken: string | undefined
  readonly tokensFile: Awaited<ReturnType<ProgramPorts['tokensFile']>>
}

/** Principals by token. */
export function openDoor({ host, authToken, tokensFile }: DoorSettings): ReadonlyMap<string, Principal> {
  const tokens = new Map<string, Principal>()
  if (authToken !== undefined) tokens.set(authToken, 'token')
  if (tokensFile?.refused !== undefined) throw tokensFile.refused
  for (const [token, name] of tokensFile?.tokens ?? []) tokens.set(token, name)
  if (tokens.size > 0) return tokens
  if (tokensFile !== undefined) {
    throw new Failure('settings.invalid', 'LATTICE_TOKENS_FILE holds no token, and would leave the door open', {
      remedy: 'write a line with a name and a token into it, or leave LATTICE_TOKENS_FILE unset',
    })
  }
  if (isLoopback(host)) return tokens
  throw new Failure('settings.invalid', `LATTICE_HOST=${host} is reachable from other machines, and no token is set`, {
    remedy: 'set LATTICE_AUTH_TOKEN, or LATTICE_HOST=127.0.0.1',
  })
}

function isLoopback(host: string): boolean {
  return /^(127(\.\d{1,3}){3}|::1|localhost)$/i.test(host)
}
