/**
 * Jars from Maven Central, once: ~/.cache/lattice-services (LATTICE_SERVICES_CACHE) keeps them.
 *
 * Promise: a folder in the cache is complete or absent. A fetch goes to a folder beside it, which is moved into place,
 * so a cut download or two fetches at once leave no half.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The folder `name` in the cache, filled by `fill` if it isn't there. */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(process.env['LATTICE_SERVICES_CACHE'] ?? join(homedir(), '.cache', 'lattice-services'), name)
  if (existsSync(folder)) return folder
  await mkdir(dirname(folder), { recursive: true })
  const building = await mkdtemp(`${folder}.building-`)
  try {
    await fill(building)
    await rename(building, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(building, { recursive: true, force: true })
  }
  return folder
}

export async function maven(args: readonly string[], cwd: string): Promise<void> {
  await run('mvn', ['-q', '-B', '-ntp', ...args], { cwd, maxBuffer: 16 * 1024 * 1024 })
}

export async function untar(archive: string, folder: string): Promise<void> {
  await run('tar', ['xzf', archive, '-C', folder])
  await rm(archive)
}
