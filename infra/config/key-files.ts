/**
 * Keys of providers in files of their own: `<provider>.env` in the folder that `LATTICE_KEYS_DIR` names.
 *
 * Promise: a file that others may read is refused by name, never read past; the text of a file is in no message. What
 * is missing or empty leaves its provider without a key.
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { Failure } from '#processors/ports/failure.ts'

export interface KeyFile {
  readonly path: string
  readonly variables: Readonly<Record<string, string | undefined>>
}

/** The files of these providers, by provider. Errors: `settings.invalid`, naming the file. */
export function readKeyFiles(folder: string, providers: readonly string[]): ReadonlyMap<string, KeyFile> {
  mustBeFolder(folder)
  const files = new Map<string, KeyFile>()
  for (const provider of providers) {
    const path = join(folder, `${provider}.env`)
    const text = readPrivately(path)
    if (text !== undefined) files.set(provider, { path, variables: parseEnv(text.replace(/^\uFEFF/, '')) })
  }
  return files
}

function mustBeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return
  throw new Failure('settings.invalid', `LATTICE_KEYS_DIR: ${folder} is no folder`, {
    remedy: 'Name a folder of <provider>.env files, or remove the variable.',
  })
}

/** The mode is asked of the opened file, so it can't be another one by then. */
function readPrivately(path: string): string | undefined {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const { mode } = fstatSync(file)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw tooOpen(path, mode)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Failure) throw error
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return undefined
    throw new Failure('settings.invalid', `the key file ${path} can't be read (${code})`, {
      remedy: `Make ${path} a file that this user may read, or remove it.`,
      cause: error,
    })
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function tooOpen(path: string, mode: number): Failure {
  const shown = (mode & 0o777).toString(8).padStart(4, '0')
  return new Failure('settings.invalid', `the key file ${path} has mode ${shown}: others may read or change it`, {
    remedy: `chmod 600 ${path}`,
  })
}
