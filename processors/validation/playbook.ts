/**
 * `playbook`: how an operation was done, and with whom, so that it can be done so again.
 *
 * Promise: passes only a playbook with an operation, with steps that each say something, and with endorsed names that
 * are all different and all in the roster, each with a worker whom the contract allows. The rules are in
 * docs/validators.md.
 */
import type { Worker } from '#processors/ports/roster.ts'
import { artifactOf, field, isRecord } from './artifact.ts'
import { contractOf, shortText, type Contract } from './contract.ts'
import { contractFindings } from './contract-findings.ts'
import { finding, quoted } from './finding.ts'
import { lookUp } from './look-up.ts'
import { placeholders } from './placeholders.ts'
import { folded } from './same-text.ts'
import type { Finding, Validator } from './validator.ts'

export const playbook: Validator = {
  readsRoster: true,
  check(options) {
    contractOf(options)
    shortText(options, 'fingerprint')
  },
  async judge(answer, options, { roster }) {
    const contract = contractOf(options)
    const wantedFingerprint = shortText(options, 'fingerprint')
    const read = artifactOf(answer)
    if ('findings' in read) return read.findings
    const { endorsed, findings } = shapeOf(read.artifact)
    if (findings.length > 0) return findings
    const looked = await lookUp(roster, { ids: endorsed, names: endorsed })
    if ('findings' in looked) return looked.findings
    return [
      ...countFindings(endorsed, contract),
      ...namesFindings(endorsed, looked.workers, contract),
      ...fingerprintFindings(field(read.artifact, 'fingerprint'), wantedFingerprint),
    ]
  },
}

const longestOperation = 200
const mostSteps = 200
const longestStep = 4000
const mostNames = 500

function shapeOf(artifact: object): { endorsed: readonly string[]; findings: Finding[] } {
  const findings: Finding[] = []
  const wrong = (message: string, ...at: (string | number)[]): void =>
    void findings.push(finding('Schema', 'wrong-shape', message, at))
  const missing = (message: string, at: string): void =>
    void findings.push(finding('Completeness', 'missing', message, [at]))
  const [operation, steps, names] = ['operation', 'steps', 'endorsed_names'].map((name) => field(artifact, name))
  const fingerprint = field(artifact, 'fingerprint')

  if (typeof operation !== 'string') wrong('operation is a text', 'operation')
  else if (operation.trim() === '') missing('operation is empty', 'operation')
  else if (operation.length > longestOperation)
    wrong(`operation has more than ${longestOperation} characters`, 'operation')
  else if (placeholders(operation).length > 0) wrong('operation has a placeholder left', 'operation')

  if (!Array.isArray(steps)) wrong('steps is a list', 'steps')
  else if (steps.length === 0) missing('there are no steps', 'steps')
  else if (steps.length > mostSteps) wrong(`more than ${mostSteps} steps`, 'steps')
  else for (const [index, step] of steps.entries()) if (!isStep(step)) wrong(stepForm, 'steps', index)

  const isName = (one: unknown): boolean => typeof one === 'string' && one.trim() !== '' && one.length <= 500
  if (!Array.isArray(names)) wrong('endorsed_names is a list of names', 'endorsed_names')
  else if (names.length === 0)
    findings.push(finding('Completeness', 'nobody-named', 'nobody is endorsed', ['endorsed_names']))
  else if (names.length > mostNames) wrong(`more than ${mostNames} endorsed names`, 'endorsed_names')
  else
    for (const [index, name] of names.entries())
      if (!isName(name)) wrong('a name is a text that is not empty', 'endorsed_names', index)

  if (fingerprint !== undefined && !isName(fingerprint)) wrong('fingerprint is a text that is not empty', 'fingerprint')
  return { endorsed: findings.length === 0 ? (names as string[]).map((name) => name.trim()) : [], findings }
}

const stepForm = 'a step is a text, or an object whose step, action or description is one'

function isStep(step: unknown): boolean {
  const text = isRecord(step)
    ? ['step', 'action', 'description'].map((name) => field(step, name)).find((one) => one !== undefined)
    : step
  return typeof text === 'string' && text.trim() !== '' && text.length <= longestStep && placeholders(text).length === 0
}

/** Twice as many as are needed is a bench; more is a list of everybody. */
function countFindings(endorsed: readonly string[], { targetCount }: Contract): Finding[] {
  if (targetCount === undefined || endorsed.length <= 2 * targetCount) return []
  const message = `${endorsed.length} endorsed names where the contract needs ${targetCount}`
  return [finding('Completeness', 'wrong-count', message, ['endorsed_names'])]
}

function namesFindings(endorsed: readonly string[], workers: readonly Worker[], contract: Contract): Finding[] {
  const meant = Map.groupBy(workers, ({ name }) => folded(name))
  const byId = new Map(workers.map((worker) => [worker.id, worker]))
  const seen = new Set<string>()
  return endorsed.flatMap((name, index) => {
    const at = ['endorsed_names', index]
    if (seen.size === seen.add(folded(name)).size)
      return [finding('Consistency', 'duplicate-name', `${quoted(name)} is endorsed more than once`, at)]
    const worker = byId.get(name)
    const candidates = meant.get(folded(name)) ?? (worker === undefined ? [] : [worker])
    if (candidates.length === 0)
      return [finding('Consistency', 'phantom-name', `${quoted(name)} is not in the roster`, at)]
    // Several have the name: one whom the contract allows is enough.
    const each = candidates.map((one) => contractFindings(one, contract, at))
    return each.find((found) => found.length === 0) ?? each[0] ?? []
  })
}

function fingerprintFindings(fingerprint: unknown, wanted: string | undefined): Finding[] {
  if (wanted === undefined || fingerprint === wanted) return []
  const message = `the fingerprint is not ${quoted(wanted)}`
  return [finding('Consistency', 'fingerprint-mismatch', message, ['fingerprint'])]
}
