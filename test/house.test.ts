/**
 * The house rules, as tests: who may import whom, what stands where, what a file looks like.
 *
 * Each failure lists its offenders, one a line, so the mend is read off it. A rule that must give way does so in its
 * own list here, with the reason beside it.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const ROOMS = ['schemas', 'processors', 'infra', 'api', 'scripts', 'test']

interface Source {
  /** From the repository's root, e.g. processors/runs/decide.ts. */
  readonly path: string
  readonly room: string
  readonly text: string
  /** What it imports of ours, as such paths; and every specifier as written. */
  readonly imports: readonly string[]
  readonly specifiers: readonly string[]
}

const sources = globSync(`{${ROOMS.join(',')}}/**/*.{ts,js}`, { cwd: root })
  .sort()
  .map(read)
const written = sources.filter((source) => !/(^|[/.-])generated[^/]*\.ts$/.test(source.path))
const running = sources.filter(({ room }) => room !== 'scripts' && room !== 'test')

function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
  const specifiers = [
    ...code.matchAll(/^(?:import|export)\s[^'"`;]*?from\s+'([^']+)'/gm),
    ...code.matchAll(/^import\s+'([^']+)'/gm),
    ...code.matchAll(/^[^'`\n]*\bimport\(\s*'([^']+)'\s*\)/gm),
    ...code.matchAll(/^[^'`\n]*\bnew URL\(\s*'([^']+\.ts)'/gm),
  ].map(([, specifier]) => specifier ?? '')
  const imports = specifiers.flatMap((specifier) => {
    if (specifier.startsWith('#')) return [specifier.slice(1)]
    return specifier.startsWith('./') ? [join(dirname(path), specifier)] : []
  })
  return { path, room: path.split('/')[0] ?? '', text, imports, specifiers }
}

function offenders(found: Iterable<string>): string {
  return [...found].sort().join('\n')
}

function importsThat(wrong: (from: Source, to: string) => boolean): string {
  return offenders(
    sources.flatMap((source) => source.imports.filter((to) => wrong(source, to)).map((to) => `${source.path} → ${to}`)),
  )
}

const within =
  (...folders: readonly string[]) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(`${folder}/`))

test('schemas import schemas alone', () => {
  expect(importsThat(({ room }, to) => room === 'schemas' && !within('schemas')(to))).toBe('')
})

test('processors import processors and schemas alone', () => {
  expect(importsThat(({ room }, to) => room === 'processors' && !within('schemas', 'processors')(to))).toBe('')
})

test('infra imports ports and schemas alone; assemble knows besides what processors are given', () => {
  const allowed = within('schemas', 'processors/ports', 'infra')
  const handedOver = new Set(['processors/given.ts', 'processors/models/extract.ts'])
  const wrong = ({ path, room }: Source, to: string) =>
    room === 'infra' && !allowed(to) && !(path === 'infra/assemble.ts' && handedOver.has(to))
  expect(importsThat(wrong)).toBe('')
})

test('api asks through commands and queries; what opens a process alone chooses and starts', () => {
  const asks = (to: string) =>
    within('schemas', 'processors/ports', 'api')(to) || /^processors\/.*\.(command|query)\.ts$/.test(to)
  const opens = new Set(
    ['main', 'opened', 'stores-thread', 'threaded-stores', 'thread-messages'].map((name) => `api/${name}.ts`),
  )
  const starts = (to: string) =>
    within('infra/config', 'infra/pino', 'infra/prometheus', 'processors/stores')(to) ||
    /^(infra\/assemble|processors\/(start|tasks|gateway|work|catalog))\.ts$/.test(to)
  const wrong = ({ path, room }: Source, to: string) =>
    room === 'api' && to !== 'package.json' && !asks(to) && !(opens.has(path) && starts(to))
  expect(importsThat(wrong)).toBe('')
})

test('a backend imports no other backend: composing is for processors', () => {
  // Neither config/ nor http/ nor tls/ is a backend: a provider's row is its setting as well, every model server is asked
  // over the same connections, and a certificate is wrong in the same ways on every server.
  const folder = (path: string) => path.split('/')[1]
  const wrong = ({ path, room }: Source, to: string) =>
    room === 'infra' &&
    path.split('/').length > 2 &&
    !within('infra/config')(path) &&
    within('infra')(to) &&
    !within('infra/http', 'infra/tls')(to) &&
    folder(path) !== folder(to)
  expect(importsThat(wrong)).toBe('')
})

test.for([
  ['ports', []],
  ['journal', ['ports']],
  ['stores', ['ports', 'journal']],
  ['delivery', ['ports', 'journal', 'stores']],
] as const)('mechanism bottom up: %s stands on %j', ([slice, below]) => {
  const allowed = within('schemas', ...[slice, ...below].map((name) => `processors/${name}`))
  expect(importsThat(({ path }, to) => within(`processors/${slice}`)(path) && !allowed(to))).toBe('')
})

test('no file imports itself by way of others', () => {
  const edges = new Map(sources.map(({ path, imports }) => [path, imports]))
  expect(offenders(circles(edges))).toBe('')
})

test('no folder imports itself by way of others', () => {
  // A file that stands at the top of its room is a folder of its own: catalog.ts is above the slices, ids.ts below.
  const folder = (path: string) => (path.split('/').length === 2 ? path : dirname(path))
  const edges = new Map<string, Set<string>>()
  for (const { path, imports } of running) {
    const from = folder(path)
    const to = edges.get(from) ?? new Set()
    for (const target of imports) if (folder(target) !== from) to.add(folder(target))
    edges.set(from, to)
  }
  expect(offenders(circles(edges))).toBe('')
})

/** Each circle once, as `a → b → a`. */
function circles(edges: ReadonlyMap<string, Iterable<string>>): readonly string[] {
  const found: string[] = []
  const done = new Set<string>()
  const way: string[] = []
  const visit = (node: string): void => {
    const at = way.indexOf(node)
    if (at >= 0) return void found.push([...way.slice(at), node].join(' → '))
    if (done.has(node)) return
    way.push(node)
    for (const next of edges.get(node) ?? []) visit(next)
    way.pop()
    done.add(node)
  }
  for (const node of edges.keys()) visit(node)
  return found
}

test('an import is #room/file.ts or ./file.ts, never ../', () => {
  // The launcher is written for the place it has in the package, beside api/.
  const elsewhere = new Set(['scripts/pack/lattice.js'])
  const wrong = sources.flatMap(({ path, specifiers }) =>
    specifiers
      .filter((specifier) => specifier.startsWith('..') && !elsewhere.has(path))
      .map((specifier) => `${path} imports ${specifier}`),
  )
  expect(offenders(wrong)).toBe('')
})

test('no barrels: no index.ts, no `export *`', () => {
  const wrong = sources.filter(({ path, text }) => /\/index\.[tj]s$/.test(path) || /^export \* /m.test(text))
  expect(offenders(wrong.map(({ path }) => path))).toBe('')
})

test('a name names the thing: no utils, helpers, common, manager, service', () => {
  const wrong = sources.filter(({ path }) =>
    path.split(/[/.-]/).some((word) => /^(utils?|helpers?|common|misc|managers?|service)$/.test(word)),
  )
  expect(offenders(wrong.map(({ path }) => path))).toBe('')
})

test('a test stands where its source stands', () => {
  const free = /^test\/(contracts|crash|issues|reality)\/|^test\/[^/]+$/
  const wrong = sources.filter(({ path }) => path.endsWith('.test.ts') && !free.test(path) && !mirrors(path))
  expect(offenders(wrong.map(({ path }) => path))).toBe('')
})

/** test/a/b.c.kafka.test.ts mirrors a/b.c.*, a/b.* or the folder a/b. */
function mirrors(path: string): boolean {
  const words = basename(path, '.test.ts').split('.')
  const folder = dirname(path).slice('test/'.length)
  return words.some((_, dropped) => {
    const stem = `${folder}/${words.slice(0, words.length - dropped).join('.')}`
    return existsSync(join(root, stem)) || globSync(`${stem}.{ts,js,avsc,sql,lua}`, { cwd: root }).length > 0
  })
}

test('configuration is read in infra/config alone', () => {
  const wrong = running.filter(
    ({ path, text }) =>
      !path.startsWith('infra/config/') && /\bprocess\.env\b|\benv\b[^'\n]*\} from 'node:process'/.test(text),
  )
  expect(offenders(wrong.map(({ path }) => path))).toBe('')
})

test('a file begins by saying what it is, before or right after its imports', () => {
  const opening = /^(#!.*\n|\s|\/\/.*\n|import\s[^'"]*['"][^'"]*['"][^\n]*\n)*\/\*\*/
  expect(offenders(sources.filter(({ text }) => !opening.test(text)).map(({ path }) => path))).toBe('')
})

test('a file has at most 350 lines', () => {
  const length = ({ text }: Source) => text.split('\n').length - 1
  const wrong = written.filter((source) => length(source) > 350)
  expect(offenders(wrong.map((source) => `${source.path}: ${length(source)}`))).toBe('')
})

test('each room has a README', () => {
  const rooms = ROOMS.filter((room) => sources.some((source) => source.room === room))
  expect(offenders(rooms.filter((room) => !existsSync(join(root, room, 'README.md'))))).toBe('')
})

test('a link of a README or of docs/ leads to a file, and to a heading of it', () => {
  const texts = globSync(['*.md', 'docs/**/*.md', `{${ROOMS.join(',')}}/**/*.md`], { cwd: root })
  const broken = texts.flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    return linksIn(text)
      .filter((link) => !leads(path, link))
      .map((link) => `${path} → ${link}`)
  })
  expect(offenders(broken)).toBe('')
})

/** Targets of Markdown links within the repository; those of code are none. */
function linksIn(text: string): readonly string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target ?? '')
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
}

function leads(from: string, link: string): boolean {
  const [file = '', heading] = link.split('#')
  const path = join(root, file === '' ? from : join(dirname(from), file))
  if (!existsSync(path)) return false
  return heading === undefined || headingsOf(readFileSync(path, 'utf8')).includes(heading)
}

/** As GitHub names them. */
function headingsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
