/**
 * `npm run bench` as it is called: a measure that exists is run, printed and told as rows.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { printed } from '#scripts/bench/print-rows.ts'
import { record } from '#scripts/bench/record.ts'
import { type Row, isMet, median, ratioOf } from '#scripts/bench/row.ts'

const bench = join(import.meta.dirname, '..', '..', '..', 'scripts', 'bench', 'main.ts')

function run(...args: string[]) {
  return spawnSync(process.execPath, [bench, ...args], { encoding: 'utf8', timeout: 60_000 })
}

const row: Row = { figure: 'a figure', unit: 'events/s', floor: 1000, ours: 800, payloadBytes: 400, sync: 'full' }

describe('a row', () => {
  test.for<[Partial<Row>, boolean | undefined]>([
    [{}, undefined],
    [{ target: { ratio: 0.8 } }, true],
    [{ target: { ratio: 0.81 } }, false],
    [{ target: { atMostRatio: 0.8 } }, true],
    [{ target: { atMostRatio: 0.79 } }, false],
    [{ target: { atLeast: 800 } }, true],
    [{ target: { atLeast: 801 } }, false],
    [{ target: { atMost: 800 } }, true],
    [{ target: { atMost: 799 } }, false],
    [{ target: { ratio: 0.8 }, ours: NaN }, false],
    [{ target: { atMost: 1 }, ours: NaN }, false],
  ])('with %j meets its target: %s', ([change, met]) => {
    expect(isMet({ ...row, ...change })).toBe(met)
  })

  test('that asks for a ratio and has no floor misses it', () => {
    const { floor: _, ...bare } = row
    expect(isMet({ ...bare, target: { ratio: 0.1 } })).toBe(false)
    expect(ratioOf(bare)).toBeUndefined()
  })

  test('is printed with all it depends on', () => {
    const text = printed({ rows: [{ ...row, target: { ratio: 0.9 }, note: 'window 64' }] })
    for (const part of ['a figure', '1,000', '800', '0.80', '≥ 0.9 × floor', 'MISSED', '400 B, sync full, window 64']) {
      expect(text).toContain(part)
    }
  })

  test('is recorded below those before it, with date, version and load', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'lattice-results-')), 'RESULTS.md')
    record([row], { load: 0.5, file })
    const before = readFileSync(file, 'utf8')
    record([{ ...row, figure: 'another' }], { load: 0.25, file })
    const after = readFileSync(file, 'utf8')
    expect(after.startsWith(before)).toBe(true)
    const [last = ''] = after.trimEnd().split('\n').slice(-1)
    expect(last).toMatch(/^\| \d{4}-\d\d-\d\d \| [0-9a-f]*\+? \| another \| events\/s \| 1,000 \| 800 \| 0\.80 \|/)
    expect(last.split('|').length).toBe(before.trimEnd().split('\n').at(-2)?.split('|').length)
  })

  test('the middle of laps is not moved by one slow lap', () => {
    expect(median([5, 1, 6])).toBe(5)
  })
})

describe('the command', () => {
  test('runs the measures named and gives their rows alone on stdout', () => {
    const { status, stdout, stderr } = run('read-decode', '--quick', '--json')
    expect(stderr).toContain('quick: not to be compared')
    expect(status).toBe(0)
    const rows = JSON.parse(stdout) as Row[]
    expect(rows.map(({ figure }) => figure)).toContain('read-decode')
    for (const { ours } of rows) expect(ours).toBeGreaterThan(0)
  })

  test('refuses a name that no measure has, and to record what was quick', () => {
    expect(run('no-such-measure')).toMatchObject({ status: 2, stderr: expect.stringContaining('no-such-measure') })
    expect(run('read-decode', '--quick', '--record')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('quick'),
    })
  })
})
