/** A roster of made-up workers in a real CSV file, opened as the server opens it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openDuckdbRoster } from '#infra/duckdb/duckdb-roster.ts'
import type { Roster, Worker } from '#processors/ports/roster.ts'

const places = [
  ['Toledo', 'OH'],
  ['Louisville', 'KY'],
  ['Zürich', 'ZH'],
] as const
const roles = ['Welder', 'Forklift Driver'] as const

/** Forty workers of three places and two roles, in turn; the last one is not to be sent. */
export const workers: readonly Worker[] = Array.from({ length: 40 }, (_, index) => {
  const [city, state] = places[index % 3]!
  return {
    id: `W-${index + 1}`,
    name: `Worker ${'ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜabcdefghijk'[index]} No ${index + 1}`,
    city,
    state,
    role: roles[index % 2]!,
    status: index === 39 ? 'inactive' : 'active',
    email: `worker${index + 1}@example.org`,
    phone: `(419) 555-${String(100 + index).padStart(4, '0')}`,
    blockedClients: index === 0 ? ['C-9'] : [],
  }
})

/** Closed and removed after the file's tests. */
export function rosterOfWorkers(): Roster {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-workers-'))
  const path = join(folder, 'workers.csv')
  const columns = ['id', 'name', 'city', 'state', 'role', 'status', 'email', 'phone'] as const
  const lines = workers.map((one) =>
    [...columns.map((name) => `"${one[name]}"`), one.blockedClients.join(';')].join(','),
  )
  writeFileSync(path, `${[[...columns, 'blocked_clients'].join(','), ...lines].join('\n')}\n`)
  const roster = openDuckdbRoster({ path })
  afterAll(async () => {
    await roster.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return roster
}
