/**
 * How long the installed command takes to say something: `lattice --help`, and a keyless `lattice run` with its answer.
 *
 * The packed tarball is installed as a user would, and started as this machine's user would start it. Floor: the same
 * Node running an empty file. Medians, in turns; the first start of each, which fills the compile cache, is not counted.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { median } from './row.ts'
import type { Measure } from './row.ts'

const root = join(import.meta.dirname, '..', '..')

export const measure: Measure = async ({ quick, folder }) => {
  const laps = quick ? 1 : 7
  const bin = install(folder)
  const home = join(folder, 'home')
  const work = join(folder, 'work')
  mkdirSync(home)
  mkdirSync(work)
  writeFileSync(join(work, 'README.md'), '# Tidewater\n\nTidewater keeps a lighthouse log for harbour pilots.\n')
  writeFileSync(join(folder, 'empty.js'), '')

  const start = (file: string, args: readonly string[]): number => {
    const began = performance.now()
    const { status, stderr } = spawnSync(process.execPath, [file, ...args], {
      cwd: work,
      env: { PATH: process.env['PATH'] ?? '', HOME: home },
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}: ${stderr}`)
    return performance.now() - began
  }
  const starts = {
    floor: () => start(join(folder, 'empty.js'), []),
    help: () => start(bin, ['--help']),
    run: () => start(bin, ['run', 'What does Tidewater keep?']),
  }
  const took: Record<keyof typeof starts, number[]> = { floor: [], help: [], run: [] }
  for (let lap = -1; lap < laps; lap += 1) {
    for (const name of ['floor', 'help', 'run'] as const) {
      const ms = starts[name]()
      if (lap >= 0) took[name].push(ms)
    }
  }
  const floor = median(took.floor)
  const note = `median of ${laps}, installed from the tarball, compile cache filled; floor: an empty file`
  return [
    { figure: 'start-up lattice --help', unit: 'ms', floor, ours: median(took.help), target: { atMost: 300 }, note },
    {
      figure: 'start-up lattice run, keyless',
      unit: 'ms',
      floor,
      ours: median(took.run),
      target: { atMost: 1_500 },
      sync: 'full',
      note,
    },
  ]
}

/** The launcher of the package, installed below `folder`. */
function install(folder: string): string {
  const npm = (args: readonly string[], cwd: string): string =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const tarball = npm(['run', '--silent', 'pack'], root).trim().split('\n').at(-1) ?? ''
  const prefix = join(folder, 'prefix')
  mkdirSync(prefix)
  try {
    npm(['install', '--global', '--prefix', prefix, '--no-audit', '--no-fund', '--prefer-offline', tarball], folder)
  } finally {
    rmSync(tarball, { force: true })
  }
  return join(prefix, 'lib', 'node_modules', 'lattice', 'bin', 'lattice.js')
}
