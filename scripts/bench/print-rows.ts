/**
 * Rows as a table for people, and the words each figure is written in.
 */
import type { Outcome } from './measure-child.ts'
import { type Row, isMet, ratioOf, targetText } from './row.ts'

export function printed(outcome: Outcome): string {
  if ('none' in outcome) return ''
  if ('notMeasured' in outcome) return `  not run: ${outcome.notMeasured}`
  if ('broken' in outcome) return `  BROKEN: ${outcome.broken}`
  const lines = [
    ['', 'floor', 'ours', '', 'ratio', 'target', '', 'conditions'],
    ...outcome.rows.map((row) => [
      row.figure,
      row.floor === undefined ? '' : figureText(row.floor),
      figureText(row.ours),
      row.unit,
      ratioText(row),
      targetText(row.target),
      metText(row),
      conditionsText(row),
    ]),
  ]
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? []
  const isNumber = (column: number): boolean => column === 1 || column === 2 || column === 4
  return lines
    .map((line) =>
      line
        .map((cell, n) => (isNumber(n) ? cell.padStart(widths[n] ?? 0) : cell.padEnd(widths[n] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join('\n')
}

/** Four digits that mean something, at least. */
export function figureText(value: number): string {
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 3
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}

export function ratioText(row: Row): string {
  const ratio = ratioOf(row)
  return ratio === undefined ? '' : ratio.toFixed(2)
}

export function metText(row: Row): string {
  const met = isMet(row)
  return met === undefined ? '' : met ? 'met' : 'MISSED'
}

export function conditionsText({ payloadBytes, sync, note }: Row): string {
  const payload = payloadBytes === undefined ? '' : `${payloadBytes} B`
  return [payload, sync && `sync ${sync}`, note].filter((part) => part !== undefined && part !== '').join(', ')
}
