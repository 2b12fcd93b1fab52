/** Every command stands in the README's table of commands. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commands } from '#api/cli/commands.ts'

test('every command is in the README', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8')
  const table = /^## Commands\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? ''
  const cells = [...table.matchAll(/^\| (.*?) \| /gm)].map(([, cell = '']) => cell.replaceAll(/[`\\|]/g, ' '))
  const words = commands.map(({ usage }) => usage.split(' ').filter((word) => !/^[<[]/.test(word)))
  expect(words.length).toBeGreaterThan(20)
  const missing = words.filter((path) => !cells.some((cell) => path.every((word) => cell.split(/\s+/).includes(word))))
  expect(missing).toEqual([])
})
