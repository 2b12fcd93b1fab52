/**
 * `npm run bench [-- <name>… --quick --json --record --check]`: figures against their floors.
 *
 * Runs `measure` of every file here that has one, or of those whose name is, or holds, one of the names given. Promise: each
 * measure has a process of its own, so that none inherits another's heap or compiled code. `--quick` says only whether
 * they work; `--json` puts the rows alone on stdout; `--record` adds them to RESULTS.md; with `--check` a target that is
 * missed, or that could not be measured, is exit code 1. A measure that breaks is exit code 1 always.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Outcome } from './measure-child.ts'
import { record } from './record.ts'
import { isMet } from './row.ts'
import { printed } from './print-rows.ts'

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
})

const own = ['main', 'measure-child', 'row', 'in-turns', 'record', 'print-rows']
const files = globSync('*.ts', { cwd: import.meta.dirname })
  .map((file) => basename(file, '.ts'))
  .filter((name) => !own.includes(name))
  .sort()
  .filter((name, _, all) => names.length === 0 || names.some((part) => isMeant(name, part, all)))

if (values.record && values.quick) fail('--record needs real amounts: leave --quick out')
if (files.length === 0) fail(`no measure has ${names.join(' or ')} in its name`)

const say = (text: string): void => void (values.json ? process.stderr : process.stdout).write(`${text}\n`)
say(`${availableParallelism()} cores, Node ${process.version}${values.quick ? ', quick: not to be compared' : ''}`)
const load = loadavg()[0] ?? 0
if (load > availableParallelism() / 2)
  say(`The machine is busy (load ${load.toFixed(1)}): rates are low, ratios less so.`)
say('')

let child: ChildProcess | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    child?.kill(signal)
    process.exit(130)
  })
}

const outcomes: Outcome[] = []
for (const name of files) {
  const outcome = await measured(name)
  if ('none' in outcome) continue
  outcomes.push(outcome)
  say(`${name}\n${printed(outcome)}\n`)
}

const rows = outcomes.flatMap((outcome) => ('rows' in outcome ? outcome.rows : []))
if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 1)}\n`)
if (values.record) say(`recorded in ${record(rows, { load })}`)
const missed = rows.filter((row) => isMet(row) === false)
const broken = outcomes.filter((outcome) => 'broken' in outcome)
const notMeasured = outcomes.filter((outcome) => 'notMeasured' in outcome)
say(`${rows.length} figures, ${missed.length} missed, ${notMeasured.length} measures not run, ${broken.length} broken`)
process.exitCode = broken.length > 0 || (values.check && missed.length + notMeasured.length > 0) ? 1 : 0

/** A measure's whole name means that one alone, though others begin with it. */
function isMeant(name: string, part: string, all: readonly string[]): boolean {
  return all.includes(part) ? name === part : name.includes(part)
}

function measured(name: string): Promise<Outcome> {
  return new Promise((done) => {
    const file = join(import.meta.dirname, 'measure-child.ts')
    const args = [name, ...(values.quick ? ['--quick'] : [])]
    const started = fork(file, args, { stdio: ['ignore', 2, 2, 'ipc'] })
    child = started
    let outcome: Outcome | undefined
    started.on('message', (message) => (outcome = message as Outcome))
    started.once('exit', (code, signal) => done(outcome ?? { broken: `ended with ${signal ?? String(code)}` }))
  })
}

function fail(reason: string): never {
  process.stderr.write(`${reason}\n`)
  process.exit(2)
}
