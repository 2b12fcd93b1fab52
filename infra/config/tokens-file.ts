/**
 * The file of `LATTICE_TOKENS_FILE`: lines of `<name> <token>`; `#` begins a comment.
 *
 * Promise: never throws, as only a server must refuse a file that is not as it should be; every token in it is found all
 * the same, so that none is shown. A refusal quotes no line.
 */
import { readFileSync } from 'node:fs'
import { Failure } from '#processors/ports/failure.ts'

export interface TokensFile {
  /** Names by token. */
  readonly tokens: ReadonlyMap<string, string>
  /** What a server says of it, with `settings.invalid`. */
  readonly refused?: Failure
}

export function readTokensFile(path: string): TokensFile {
  const tokens = new Map<string, string>()
  let refused: Failure | undefined
  try {
    for (const [index, text] of readFileSync(path, 'utf8').split('\n').entries()) {
      const line = text.trim()
      if (line === '' || line.startsWith('#')) continue
      const [, name, token] = /^(\S+)\s+(\S{8,})$/.exec(line) ?? []
      if (name !== undefined && token !== undefined) tokens.set(token, name)
      else refused ??= noToken(index + 1)
    }
  } catch (error) {
    refused = new Failure('settings.invalid', `LATTICE_TOKENS_FILE: ${path} cannot be read`, { cause: error })
  }
  return { tokens, ...(refused !== undefined && { refused }) }
}

function noToken(line: number): Failure {
  return new Failure('settings.invalid', `LATTICE_TOKENS_FILE: line ${line} is not a name and a token`, {
    remedy: 'each line is a name, a space and a token of at least 8 characters',
  })
}
