import { readFileSync } from 'node:fs'
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
  readonly tokensFile: string | undefined
}

/** Principals by token. Lines of the tokens file are `<name> <token>`; `#` begins a comment. */
export function openDoor({ host, authToken, tokensFile }: DoorSettings): ReadonlyMap<string, Principal> {
  const tokens = new Map<string, Principal>()
  if (authToken !== undefined) tokens.set(authToken, 'token')
  if (tokensFile !== undefined) for (const [token, name] of readTokens(tokensFile)) tokens.set(token, name)
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

function readTokens(path: string): [token: string, name: Principal][] {
  const lines = textOf(path)
    .split('\n')
    .map((line) => line.trim())
  return lines
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      const [, name, token] = /^(\S+)\s+(\S{8,})$/.exec(line) ?? []
      if (name !== undefined && token !== undefined) return [token, name]
      throw new Failure('settings.invalid', `LATTICE_TOKENS_FILE: line ${number} is not a name and a token`, {
        remedy: 'each line is a name, a space and a token of at least 8 characters',
      })
    })
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure('settings.invalid', `LATTICE_TOKENS_FILE: ${path} cannot be read`, { cause: error })
  }
}
