/** A roster in a real file: what is read of it, what is refused, and that a change is seen. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, afterEach, expect, test } from 'vitest'
import { openDuckdbRoster } from '#infra/duckdb/duckdb-roster.ts'
import type { Roster } from '#processors/ports/roster.ts'

const folder = mkdtempSync(join(tmpdir(), 'lattice-roster-'))
const opened: Roster[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function rosterAt(path: string): Roster {
  const roster = openDuckdbRoster({ path })
  opened.push(roster)
  return roster
}

function csv(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const everything = `Worker ID,Full Name,Home City,State,Job Title,Status,E-mail,Phone Number,Blacklisted Clients
W-1, Zoë  Müller ,"Louisville",KY,Welder,active,zoe@example.org,+1 502 555 0100,"C-1;C-2"
W-2,"O'Neil, Sam",Toledo,OH,Welder,active,,,
W-2,Somebody Else,Toledo,OH,Welder,active,,,
003,zoë müller,Toledo,OH,Driver,inactive,,,
,No Id,Toledo,OH,Driver,active,,,
`

test('columns are known by many names, ids stay text, what is empty is empty', async () => {
  const roster = rosterAt(csv('names.csv', everything))
  expect(await roster.find({ ids: [' W-1 ', '003', 'W-9', ''] })).toEqual([
    {
      id: 'W-1',
      name: 'Zoë  Müller',
      city: 'Louisville',
      state: 'KY',
      role: 'Welder',
      status: 'active',
      email: 'zoe@example.org',
      phone: '+1 502 555 0100',
      blockedClients: ['C-1', 'C-2'],
    },
    expect.objectContaining({ id: '003', name: 'zoë müller', status: 'inactive', email: '', blockedClients: [] }),
  ])
})

test('a name is found whatever its letters and spaces, by its accents; an address whatever its letters', async () => {
  const roster = rosterAt(csv('folded.csv', everything))
  const ids = async (...names: string[]): Promise<string[]> => (await roster.find({ names })).map(({ id }) => id)
  expect(await ids('ZOE\u0308 mu\u0308ller')).toEqual(['W-1', '003'])
  expect(await ids('Zoe Muller')).toEqual([])
  expect(await ids("o'neil,  SAM")).toEqual(['W-2'])
  expect((await roster.find({ emails: ['ZOE@Example.org', ''] })).map(({ id }) => id)).toEqual(['W-1'])
  expect(await roster.find({})).toEqual([])
})

test('who asks by hostile text gets nobody', async () => {
  const roster = rosterAt(csv('hostile.csv', everything))
  const texts = ["' OR 1=1 --", '"', '\\', '$[*]', '%', '_', '*', 'null', '{}', '[]', '😀', '\u0001']
  expect(await roster.find({ ids: texts, names: texts, emails: texts })).toEqual([])
})

test('Parquet is read as CSV is, numbers as ids', async () => {
  const path = join(folder, 'workers.parquet')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(
    `COPY (SELECT range + 1 AS candidate_id, 'Worker' AS first_name, 'No. ' || range AS last_name, 'Toledo' AS city,
             ['C-1', 'C-2'] AS blocked_clients
           FROM range(1000)) TO '${path}' (FORMAT parquet)`,
  )
  connection.closeSync()
  instance.closeSync()
  const found = await rosterAt(path).find({ ids: ['1000', '1001'], names: ['worker no. 5'] })
  expect(found).toMatchObject([
    { id: '6', name: 'Worker No. 5', city: 'Toledo', state: '', blockedClients: ['C-1', 'C-2'] },
    { id: '1000', name: 'Worker No. 999' },
  ])
})

test('a change of the file is seen by the next question, also one of the same size', async () => {
  const path = csv('changes.csv', 'id,name\nW-1,Ann\n')
  const roster = rosterAt(path)
  const name = async (): Promise<string | undefined> => (await roster.find({ ids: ['W-1'] }))[0]?.name
  expect(await name()).toBe('Ann')
  writeFileSync(path, 'id,name\nW-1,Bob\n')
  utimesSync(path, new Date(), new Date(Date.now() + 60_000))
  expect(await name()).toBe('Bob')
  renameSync(csv('other.csv', 'id,name\nW-1,Cat\n'), path)
  expect(await Promise.all([name(), name(), name()])).toEqual(['Cat', 'Cat', 'Cat'])
  rmSync(path)
  await expect(name()).rejects.toMatchObject({ code: 'roster.unavailable' })
  csv('changes.csv', 'id,name\nW-1,Dan\n')
  expect(await name()).toBe('Dan')
})

test('many who ask at once are answered by one reading', async () => {
  const roster = rosterAt(csv('many.csv', everything))
  const found = await Promise.all(Array.from({ length: 20 }, () => roster.find({ ids: ['W-2'] })))
  expect(found.map((workers) => workers.map(({ name }) => name))).toEqual(
    Array.from({ length: 20 }, () => ["O'Neil, Sam", 'Somebody Else']),
  )
})

test.for([
  ['missing.csv', undefined, 'ENOENT'],
  ['roster.xlsx', 'id,name\n', 'is neither .parquet nor .csv'],
  ['no-id.csv', 'name,city\nAnn,Toledo\n', 'no column for an id'],
  ['no-name.csv', 'id,city\nW-1,Toledo\n', 'no column for a name'],
  ['wrong.parquet', 'id,name\n', 'wrong.parquet'],
  ['a*.csv', 'id,name\n', 'has a name with'],
  ['empty.csv', '', 'no column for an id'],
  ['unclosed.csv', `id,name\n${'W-2,Bob\n'.repeat(30_000)}W-1,"Ann\nW-3,"Cy"\n`, 'CSV Error on Line: 30002'],
  ['ragged.csv', 'id,name,city\nW-1,Ann\nW-2,Bob,Toledo\nW-3,Cy,Toledo,x\n', 'it has "id,name,city"'],
] as const)('%s is refused, never an empty roster', async ([name, text, why]) => {
  const path = text === undefined ? join(folder, name) : csv(name, text)
  const failure: unknown = await rosterAt(path)
    .find({ ids: ['W-1'] })
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'roster.unavailable', message: expect.stringContaining(why) })
})

test('a row that begins with # is a row, and a quote inside a word is a letter', async () => {
  const roster = rosterAt(csv('signs.csv', 'id,name\nW-1,Ann\n#2,Bob "Bo" Lee\nW-3,Cy\n'))
  expect(await roster.find({ ids: ['#2'] })).toMatchObject([{ id: '#2', name: 'Bob "Bo" Lee' }])
})

test('a pipe is refused at once, and closing waits for nothing', async () => {
  const path = join(folder, 'pipe.csv')
  execFileSync('mkfifo', [path])
  const roster = rosterAt(path)
  await expect(roster.find({ ids: ['W-1'] })).rejects.toMatchObject({ code: 'roster.unavailable' })
  rmSync(path)
  csv('pipe.csv', 'id,name\nW-1,Ann\n')
  expect(await roster.find({ ids: ['W-1'] })).toMatchObject([{ name: 'Ann' }])
})

test('who matches is found by city, state and role, as far as they are given, capital letters and space aside', async () => {
  const roster = rosterAt(csv('matching.csv', everything))
  const idsOf = async (wanted: Parameters<Roster['matching']>[0]): Promise<string[]> =>
    (await roster.matching(wanted)).map(({ id, name }) => `${id} ${name}`)
  expect(await idsOf({ city: ' toledo', role: 'WELDER', most: 10 })).toEqual(["W-2 O'Neil, Sam", 'W-2 Somebody Else'])
  expect(await idsOf({ state: 'oh', most: 1 })).toEqual(["W-2 O'Neil, Sam"])
  expect(await idsOf({ city: "x' OR 1=1 --", most: 10 })).toEqual([])
  expect(await idsOf({ most: 10 })).toHaveLength(4)
})
