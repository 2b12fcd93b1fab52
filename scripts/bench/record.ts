/**
 * Adds rows to RESULTS.md, dated, with the machine and the version they were measured on. Nothing in it is ever changed.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { conditionsText, figureText, metText, ratioText } from './print-rows.ts'
import { type Row, targetText } from './row.ts'

const head = `# Results

Figures as \`npm run bench -- --record\` measured them, oldest first. Ratios count; absolute figures of different days and
machines do not compare, and none of a busy machine does: load is its load average when the run began.

| date | version | figure | unit | floor | ours | ratio | target | | conditions | cores | load |
|---|---|---|---|---|---|---|---|---|---|---|---|
`

/** The file's name. */
export function record(rows: readonly Row[], at: { readonly load: number; readonly file?: string }): string {
  const { load, file = join(import.meta.dirname, 'RESULTS.md') } = at
  if (!existsSync(file)) writeFileSync(file, head)
  const date = new Date().toISOString().slice(0, 10)
  const version = versionText()
  const lines = rows.map((row) => {
    const floor = row.floor === undefined ? '' : figureText(row.floor)
    const result = [floor, figureText(row.ours), ratioText(row), targetText(row.target), metText(row)]
    return [
      date,
      version,
      row.figure,
      row.unit,
      ...result,
      conditionsText(row),
      availableParallelism(),
      load.toFixed(1),
    ]
  })
  appendFileSync(file, lines.map((cells) => `| ${cells.join(' | ')} |\n`).join(''))
  return file
}

/** The commit, with a + where files differ from it. */
function versionText(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`
  } catch {
    return ''
  }
}
