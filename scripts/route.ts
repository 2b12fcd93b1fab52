/**
 * `npm run route -- attempt.completed`: where an event goes. Without an event: a table of all of them.
 *
 * Promise: nothing here is kept by hand. Topic and versions come from the catalogs, handlers from their own keys, the
 * rest from the sources. Exit code 2 for an event nobody knows.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { catalog, eventTypes, isEventType, type EventType } from '#schemas/catalog.ts'
import { topics } from '#schemas/topics.ts'
import { tableNameOf } from '#schemas/wire/columns.ts'

export interface Route {
  readonly type: EventType
  /** Of its `.avsc` files, oldest first. */
  readonly versions: readonly string[]
  readonly topic: string
  readonly key: string
  readonly chain: string
  /** `file:line` that makes one. */
  readonly emittedBy: readonly string[]
  /** `store/projection`, or the store where it folds by itself. */
  readonly foldedBy: readonly string[]
  readonly actedOnBy: readonly string[]
  readonly table: string
  readonly views: readonly string[]
}

export interface Handlers {
  readonly foldedBy: (type: EventType) => readonly string[]
  readonly actedOnBy: (type: EventType) => readonly string[]
}

const project = join(import.meta.dirname, '..')

export function routeOf(type: EventType, handlers: Handlers): Route {
  const { topic, folder, versions, chain } = catalog[type]
  return {
    type,
    versions: Array.from({ length: versions }, (_, index) => `schemas/${folder}/${type}.v${index + 1}.avsc`),
    topic,
    key: topics[topic].key,
    chain,
    emittedBy: emittersOf(type),
    foldedBy: handlers.foldedBy(type),
    actedOnBy: handlers.actedOnBy(type),
    table: tableNameOf(type),
    views: viewsOf(tableNameOf(type)),
  }
}

function emittersOf(type: EventType): readonly string[] {
  // In an object, not in a type: `readonly type: '…'`, `{ type: '…' }`.
  const made = new RegExp(String.raw`(?<!readonly )\btype: '${RegExp.escape(type)}',`)
  return globSync('{processors,infra,api}/**/*.ts', { cwd: project })
    .sort()
    .flatMap((path) => linesOf(path).flatMap((line, index) => (made.test(line) ? [`${path}:${index + 1}`] : [])))
}

/** Views that read the table, or a view that does. */
function viewsOf(table: string): readonly string[] {
  const views = globSync('processors/warehouse/views/*.sql', { cwd: project })
    .sort()
    .map((path) => ({ name: basename(path, '.sql'), text: linesOf(path).join('\n').replaceAll(/--.*$/gm, '') }))
  const reading = (name: string) => new RegExp(String.raw`\b${name}\b`)
  const found = new Set(views.filter(({ text }) => reading(table).test(text)).map(({ name }) => name))
  for (const name of found) {
    for (const view of views) if (reading(name).test(view.text) && view.name !== table) found.add(view.name)
  }
  return [...found]
}

function linesOf(path: string): readonly string[] {
  return readFileSync(join(project, path), 'utf8').split('\n')
}

/** Who handles what, from the handlers' own keys. */
export async function readHandlers(): Promise<Handlers> {
  const { projections, reactors, storeNames, storesOf } = await import('#processors/catalog.ts')
  // Nothing is opened: a definition only says what it wants.
  const stores = storesOf({} as Parameters<typeof storesOf>[0])
  const named = new Map<string, readonly { name: string; on: object }[]>(Object.entries(projections))
  return {
    foldedBy: (type) =>
      storeNames.flatMap((store) => {
        const { wants, topics } = stores[store]
        if (!topics.includes(catalog[type].topic) || !wants(type)) return []
        const folding = named.get(store)?.filter(({ on }) => Object.hasOwn(on, type))
        return folding?.map(({ name }) => `${store}/${name}`) ?? [store]
      }),
    actedOnBy: (type) =>
      Object.entries(reactors).flatMap(([name, { on, file }]) =>
        (on as readonly string[]).includes(type) ? [`${name} (${file})`] : [],
      ),
  }
}

function print(route: Route): void {
  const rows: readonly [string, string | readonly string[]][] = [
    ['event', route.type],
    ['versions', route.versions],
    ['topic', `${route.topic}, by ${route.key}`],
    ['chain', route.chain],
    ['emitted by', route.emittedBy],
    ['folded by', route.foldedBy],
    ['acted on by', route.actedOnBy],
    ['table', route.table],
    ['views', route.views],
  ]
  for (const [name, value] of rows) {
    const lines = typeof value === 'string' ? [value] : value
    console.log(`${name.padEnd(12)} ${lines.length === 0 ? '–' : lines.join(`\n${' '.repeat(13)}`)}`)
  }
}

function printAll(routes: readonly Route[]): void {
  const head = ['event', 'version', 'topic', 'chain', 'emitters', 'folded by', 'acted on by', 'views']
  const rows = routes.map((route) => [
    route.type,
    `v${route.versions.length}`,
    route.topic,
    route.chain,
    String(route.emittedBy.length),
    route.foldedBy.join(' '),
    route.actedOnBy.map((name) => name.replace(/ .*/, '')).join(' '),
    route.views.join(' '),
  ])
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of [head, ...rows]) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  }
}

const usage = `npm run route -- [event]

  An event, such as attempt.completed: its versions and topic, who makes it, who handles it, which table and views
  show it. Without one: a table of all events.`

async function main(type: string | undefined): Promise<number> {
  if (type === '--help' || type === '-h') {
    console.log(usage)
    return 0
  }
  if (type !== undefined && !isEventType(type)) {
    console.error(`There is no event ${type}. Known are:\n${eventTypes.map((known) => `  ${known}\n`).join('')}`)
    return 2
  }
  const handlers = await readHandlers()
  if (type === undefined) printAll(eventTypes.map((known) => routeOf(known, handlers)))
  else print(routeOf(type, handlers))
  return 0
}

if (import.meta.main) process.exitCode = await main(process.argv[2])
