import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Opened } from '#api/opened.ts'

/**
 * Who else is at work on this data folder, and where it listens: each server's address stands beside its lock.
 *
 * Promise: only processes that live are named, as the system frees a lock with the one who held it; what a killed
 * server has left is removed by the next. No token is written.
 */
export interface Serving {
  readonly pid: number
  readonly address: string
}

type Lattice = Opened['lattice']

/** Says where this process listens, until what is returned is called. */
export function recordServing(data: string, { given }: Lattice, address: string): () => void {
  const folder = join(data, 'locks')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, fileOf(given.settings.worker))
  servingOf(data, given.locks, (left) => rmSync(join(folder, left), { force: true }))
  writeFileSync(path, JSON.stringify({ pid: process.pid, address }), { mode: 0o600 })
  return () => rmSync(path, { force: true })
}

/** The servers on this data folder now. */
export function servingOf(
  data: string,
  locks: Lattice['given']['locks'],
  left: (file: string) => void = () => {},
): readonly Serving[] {
  return namesIn(join(data, 'locks')).flatMap((file) => {
    const [, worker] = /^serving-(.+)\.json$/.exec(file) ?? []
    if (worker === undefined) return []
    if (locks.isHeld(`process-${worker}`)) return read(join(data, 'locks', file))
    left(file)
    return []
  })
}

/** The other processes that have this data folder open now. */
export function othersOn(data: string, { given }: Lattice): readonly number[] {
  return namesIn(join(data, 'locks')).flatMap((file) => {
    const [, encoded] = /^process-(.+)\.lock$/.exec(file) ?? []
    const worker = decodeURIComponent(encoded ?? '')
    if (encoded === undefined || worker === given.settings.worker || !given.locks.isHeld(`process-${worker}`)) return []
    const pid = Number(worker.split('.').at(-2))
    return Number.isSafeInteger(pid) ? [pid] : []
  })
}

function fileOf(worker: string): string {
  return `serving-${worker}.json`
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

/** Nothing where it is only being written, or is gone. */
function read(path: string): readonly Serving[] {
  try {
    const { pid, address } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Serving>
    return typeof pid === 'number' && typeof address === 'string' ? [{ pid, address }] : []
  } catch {
    return []
  }
}
