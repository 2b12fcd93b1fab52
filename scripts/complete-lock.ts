/**
 * `node scripts/complete-lock.ts`, after a dependency changed: names in package-lock.json the optional packages that
 * the registry at hand could not show.
 *
 * A registry mirror may lack another platform's binary. `npm install` then leaves it out of the lockfile, and `npm ci`
 * refuses that lockfile everywhere. What is left out stands, with its exact version, in the package that asks for it,
 * and its platform in its name; only its integrity is unknown, so it is not written. No package for this machine's own
 * platform is ever added: that one must come from `npm install`, with its integrity.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Locked {
  version?: string
  integrity?: string
  dev?: boolean
  optional?: boolean
  os?: readonly string[]
  cpu?: readonly string[]
  libc?: readonly string[]
  optionalDependencies?: Readonly<Record<string, string>>
}

export type Lock = Record<string, Locked>

/** The entries that a lockfile's packages ask for as optional and that it does not name. */
export function missingEntries(lock: Lock): Lock {
  const missing: Lock = {}
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(lock)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (!found(lock, path, name))
        missing[`node_modules/${name}`] = { version, ...platformOf(name), ...(dev && { dev }), optional: true }
    }
  }
  return missing
}

/** Looks where Node would: in the asking package's node_modules, then in each folder above. */
function found(lock: Lock, path: string, name: string): boolean {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (lock[`${at === '' ? '' : `${at}/`}node_modules/${name}`] !== undefined) return true
    if (at === '') return false
  }
}

function platformOf(name: string): Pick<Locked, 'os' | 'cpu' | 'libc'> {
  const [, os, cpu, libc] =
    /(?:^|[/-])(darwin|linux|win32|android|freebsd|openharmony)-([a-z0-9]+)(?:-([a-z]+))?$/.exec(name) ?? []
  if (os === undefined || cpu === undefined)
    throw new Error(`${name} does not say its platform: run npm install where it can be had`)
  if (os === process.platform && cpu === process.arch && libc !== 'musl')
    throw new Error(`${name} is for this machine: run npm install`)
  return {
    os: [os],
    cpu: [cpu],
    ...(os === 'linux' && libc?.startsWith('musl') && { libc: ['musl'] }),
    ...(os === 'linux' && libc?.startsWith('gnu') && { libc: ['glibc'] }),
  }
}

if (import.meta.main) {
  const file = join(import.meta.dirname, '..', 'package-lock.json')
  const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Lock }
  const missing = missingEntries(lock.packages)
  const inOrder = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1))
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(inOrder) }, null, 2)}\n`)
  console.error(`${Object.keys(missing).length} entries added`)
}
