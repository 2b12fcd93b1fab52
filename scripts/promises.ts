/**
 * `npm run promises [-- --verbose --results <file>]`: promise × log, from the last test run's own results.
 *
 * A test proves what its title, or a `describe` around it, names in brackets: `[append.once]`. It does so for the logs
 * its innermost `describe` that names any names (embedded, redis, kafka), else for that of its file's suffix or folder.
 *
 * Promise: a cell is proven when a test of it passed and none failed; skipped is not proven, nor is a test that did not
 * run. A failed test that belongs to no log fails the promise on all. Exit code 1 when a cell is not proven, or a tag
 * names no promise.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Results, TestResult } from '#scripts/test/results.ts'
import { resultsFile } from '#scripts/test/results.ts'

/** `RULES` of the design, in its order. */
export const promises = [
  'append.survives',
  'append.once',
  'log.ordered',
  'log.same',
  'store.atomic',
  'store.deterministic',
  'promote.clean',
  'replay.silent',
  'run.single',
  'run.resumes',
  'verdict.closed',
  'poison.parked',
  'schema.compatible',
  'secret.unseen',
  'budget.exact',
] as const
export const logs = ['embedded', 'redis', 'kafka'] as const

export type PromiseName = (typeof promises)[number]
export type LogName = (typeof logs)[number]

export interface Proof {
  readonly test: string
  readonly file: string
  readonly state: TestResult['state']
}

export interface Cell {
  readonly promise: PromiseName
  readonly log: LogName
  readonly state: 'proven' | 'failed' | 'not proven'
  readonly proofs: readonly Proof[]
}

export interface Matrix {
  readonly cells: readonly Cell[]
  /** Tests that name a promise and belong to no log: they prove nothing on any. */
  readonly onNoLog: readonly Proof[]
  /** Tags that are no promise, and promises named without brackets, each with its test. */
  readonly misspelt: readonly string[]
}

export function matrixOf(results: Results): Matrix {
  const tagged = results.files.flatMap(({ file, tests }) =>
    tests.map((test) => ({ tags: tagsIn(test.name), logs: logsOf(file, test.name), proof: proofOf(file, test) })),
  )
  const cells = promises.flatMap((promise) =>
    logs.map((log): Cell => {
      const proofs = tagged
        .filter(({ tags }) => tags.includes(promise))
        .filter(({ logs, proof }) => logs.includes(log) || (logs.length === 0 && proof.state === 'failed'))
        .map(({ proof }) => proof)
      return { promise, log, state: stateOf(proofs), proofs }
    }),
  )
  return {
    cells,
    onNoLog: tagged.filter(({ tags, logs }) => tags.length > 0 && logs.length === 0).map(({ proof }) => proof),
    misspelt: results.files.flatMap(({ tests }) => tests.flatMap(({ name }) => misspeltIn(name))),
  }
}

function proofOf(file: string, { name, state }: TestResult): Proof {
  return { test: name, file, state }
}

function stateOf(proofs: readonly Proof[]): Cell['state'] {
  if (proofs.some(({ state }) => state === 'failed')) return 'failed'
  return proofs.some(({ state }) => state === 'passed') ? 'proven' : 'not proven'
}

const tag = /\[([a-z]+\.[a-z]+)\]/g
/** Titles that show lines of lattice.toml have its headings in them. */
const headings = /^(budgets|prices|providers|models)\./

function tagsIn(name: string): readonly string[] {
  return [...name.matchAll(tag)].map(([, promise]) => promise ?? '').filter((word) => !headings.test(word))
}

function misspeltIn(name: string): readonly string[] {
  const isPromise = (word: string): boolean => (promises as readonly string[]).includes(word)
  const wrong = tagsIn(name).filter((word) => !isPromise(word))
  const bare = partsOf(name).flatMap((part) => /^([a-z]+\.[a-z]+):/.exec(part)?.[1] ?? [])
  return [
    ...wrong.map((word) => `[${word}] is no promise: ${name}`),
    ...bare.filter(isPromise).map((word) => `${word} proves nothing without brackets: ${name}`),
  ]
}

/** A test's full name is its describes and its title. */
function partsOf(name: string): readonly string[] {
  return name.split(' > ')
}

function logsOf(file: string, name: string): readonly LogName[] {
  for (const part of partsOf(name).slice(0, -1).toReversed()) {
    const named = logs.filter((log) => new RegExp(`\\b${log}\\b`, 'i').test(part))
    if (named.length > 0) return named
  }
  const suffixes = file.slice(file.lastIndexOf('/') + 1).split('.')
  const bySuffix = logs.filter((log) => suffixes.includes(log))
  if (bySuffix.length > 0) return bySuffix
  return logs.filter((log) => file.includes(`/infra/${log}/`))
}

const signs = { proven: '✓', failed: '✗', 'not proven': '–' } as const

export function printedMatrix({ cells, onNoLog, misspelt }: Matrix, options: { verbose: boolean }): string {
  const width = Math.max(...promises.map(({ length }) => length))
  const lines = [`${''.padEnd(width)}  ${logs.map((log) => log.padEnd(18)).join('')}`.trimEnd()]
  for (const promise of promises) {
    const row = cells.filter((cell) => cell.promise === promise)
    lines.push(`${promise.padEnd(width)}  ${row.map((cell) => cellText(cell).padEnd(18)).join('')}`.trimEnd())
    if (!options.verbose) continue
    for (const { log, proofs } of row) for (const proof of proofs) lines.push(`    ${log}: ${proofText(proof)}`)
  }
  if (options.verbose && onNoLog.length > 0) {
    lines.push('', 'On no log, so they prove nothing on any:', ...onNoLog.map((proof) => `    ${proofText(proof)}`))
  }
  if (misspelt.length > 0) lines.push('', ...misspelt)
  const count = (state: Cell['state']): number => cells.filter((cell) => cell.state === state).length
  lines.push('', `${count('proven')} proven, ${count('failed')} failed, ${count('not proven')} not proven`)
  return lines.join('\n')
}

/** `✓ 7` or `✓ 5, 2 skipped`: how many tests say so. */
function cellText({ state, proofs }: Cell): string {
  const count = (wanted: Proof['state']): number => proofs.filter((proof) => proof.state === wanted).length
  const skipped = count('skipped') === 0 ? [] : [`${count('skipped')} skipped`]
  const counts = {
    proven: [`${count('passed')}`],
    failed: [`${count('failed')} of ${proofs.length}`],
    'not proven': [],
  }
  return `${signs[state]} ${[...counts[state], ...skipped].join(', ')}`.trimEnd()
}

function proofText({ test, file, state }: Proof): string {
  const sign = { passed: '✓', failed: '✗', skipped: '–' }[state]
  return `${sign} ${partsOf(test).join(' › ')} (${file})`
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { verbose: { type: 'boolean', default: false }, results: { type: 'string', default: resultsFile } },
  })
  const results = read(values.results)
  const matrix = matrixOf(results)
  console.log(`tests of ${results.finishedAt}${partText(results)}\n`)
  console.log(printedMatrix(matrix, values))
  const isWhole = matrix.misspelt.length === 0 && matrix.cells.every(({ state }) => state === 'proven')
  process.exitCode = isWhole ? 0 : 1
}

function read(file: string): Results {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Results
  } catch {
    console.error(`There are no test results at ${file}: run npm test first.`)
    process.exit(1)
  }
}

function partText({ filters, pattern, notRun }: Results): string {
  const parts = [...filters, ...(pattern === undefined ? [] : [`-t ${pattern}`])]
  const part = parts.length === 0 ? '' : `\nonly a part of them: npm test -- ${parts.join(' ')}`
  return `${part}${notRun.map(({ file, reason }) => `\nnot run: ${file} (${reason})`).join('')}`
}
