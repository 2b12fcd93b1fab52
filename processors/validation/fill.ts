/**
 * `fill`: which workers are sent to a contract.
 *
 * Promise: passes only an answer that names as many different workers as the contract asks for, each of them in the
 * roster, with the city, state and role of the contract, and saying nothing of them that the roster doesn't.
 */
import type { Worker } from '#processors/ports/roster.ts'
import { artifactOf, field, isRecord } from './artifact.ts'
import { contractOf, type Contract } from './contract.ts'
import { contractFindings } from './contract-findings.ts'
import { finding, quoted } from './finding.ts'
import { lookUp } from './look-up.ts'
import { isSameText } from './same-text.ts'
import type { Finding, Validator } from './validator.ts'

export const fill: Validator = {
  readsRoster: true,
  check: (options) => void contractOf(options),
  async judge(answer, options, { roster }) {
    const contract = contractOf(options)
    const read = artifactOf(answer)
    if ('findings' in read) return read.findings
    const { fills, findings } = fillsOf(read.artifact)
    if (findings.length > 0) return findings
    const looked = await lookUp(roster, { ids: fills.map(({ id }) => id) })
    if ('findings' in looked) return looked.findings
    const rows = Map.groupBy(looked.workers, ({ id }) => id)
    return [
      ...countFindings(fills, contract, Array.isArray(read.artifact) ? [] : ['fills']),
      ...fills.flatMap((one) => workerFindings(one, rows.get(one.id) ?? [], contract)),
      ...repeated(fills),
    ]
  },
}

/** One place filled, as the answer says it. */
interface Fill {
  readonly id: string
  /** What is said of the worker, by the roster's names. */
  readonly said: Readonly<Partial<Record<Told, string>>>
  readonly at: readonly (string | number)[]
}

const told = ['name', 'city', 'state', 'role'] as const
type Told = (typeof told)[number]

const mostFills = 10_000
const idFields = ['candidate_id', 'worker_id', 'id'] as const

/** `{"fills": […]}` or the list alone; of objects with an id, of ids, or of pairs of id and name. */
function fillsOf(artifact: object): { fills: readonly Fill[]; findings: readonly Finding[] } {
  const bare = Array.isArray(artifact)
  const list: unknown = bare ? artifact : field(artifact, 'fills')
  const above = bare ? [] : ['fills']
  if (!Array.isArray(list)) return { fills: [], findings: [wrong('fills is missing: a list of workers', above)] }
  if (list.length > mostFills) return { fills: [], findings: [wrong(`more than ${mostFills} fills`, above)] }
  const fills: Fill[] = []
  const findings: Finding[] = []
  for (const [index, one] of list.entries()) {
    const read = fillOf(one, [...above, index])
    if ('kind' in read) findings.push(read)
    else fills.push(read)
  }
  return { fills, findings: findings.slice(0, 20) }
}

function fillOf(one: unknown, at: readonly (string | number)[]): Fill | Finding {
  const id = idOf(one)
  if (id !== undefined) return { id, said: {}, at }
  if (Array.isArray(one)) {
    const [first, name] = one as unknown[]
    const firstId = idOf(first)
    if (one.length !== 2 || firstId === undefined || typeof name !== 'string')
      return wrong('a pair is a worker id and a name', at)
    return { id: firstId, said: { name }, at }
  }
  if (!isRecord(one)) return wrong('a fill is an object with candidate_id, or an id', at)
  const ids = idFields.filter((name) => Object.hasOwn(one, name))
  const [only] = ids
  if (only === undefined) return wrong('candidate_id is missing', at)
  if (ids.length > 1) return wrong(`a worker has one id, and here are ${ids.join(' and ')}`, at)
  const named = idOf(one[only])
  if (named === undefined) return wrong(`${only} is a text that is not empty`, [...at, only])
  const said: Partial<Record<Told, string>> = {}
  for (const name of told) {
    const value = field(one, name)
    if (value === undefined || value === null) continue
    if (typeof value !== 'string') return wrong(`${name} is a text`, [...at, name])
    said[name] = value
  }
  return { id: named, said, at }
}

function idOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  return typeof value === 'string' && value.trim() !== '' && value.length <= 500 ? value.trim() : undefined
}

function countFindings(fills: readonly Fill[], { targetCount }: Contract, at: readonly string[]): Finding[] {
  const found: Finding[] = []
  if (targetCount !== undefined && fills.length !== targetCount) {
    const message = `${fills.length} workers where the contract needs ${targetCount}`
    found.push(finding('Completeness', 'wrong-count', message, at))
  }
  if (fills.length === 0) found.push(finding('Completeness', 'nobody-named', 'nobody is named', at))
  return found
}

function workerFindings({ id, said, at }: Fill, rows: readonly Worker[], contract: Contract): Finding[] {
  // A worker of several trades has a row each.
  const each = rows.map((worker) => ({ worker, found: contractFindings(worker, contract, at) }))
  const best = each.find(({ found }) => found.length === 0) ?? each[0]
  if (best === undefined) return [finding('Consistency', 'phantom-id', `worker ${quoted(id)} is not in the roster`, at)]
  const { worker, found } = best
  for (const name of told) {
    const value = said[name]
    // Who knows no name repeats the id.
    if (value === undefined || isSameText(value, worker[name]) || (name === 'name' && value.trim() === id)) continue
    if (found.some(({ code }) => code === `${name}-mismatch`)) continue
    const message = `${name} ${quoted(value)} doesn't match roster ${name} ${quoted(worker[name])} of ${quoted(id)}`
    found.push(finding('Consistency', `${name}-mismatch`, message, [...at, name]))
  }
  return found
}

function repeated(fills: readonly Fill[]): Finding[] {
  const seen = new Set<string>()
  const again = fills.filter(({ id }) => seen.size === seen.add(id).size)
  return again.map(({ id, at }) =>
    finding('Consistency', 'duplicate-id', `worker ${quoted(id)} is named more than once`, at),
  )
}

function wrong(message: string, at: readonly (string | number)[]): Finding {
  return finding('Schema', 'wrong-shape', message, at)
}
