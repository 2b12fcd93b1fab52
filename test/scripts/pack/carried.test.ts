/** The package's README and docs link to nothing that the package does not carry. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { carried } from '#scripts/pack/carried.ts'

const root = join(import.meta.dirname, '../../..')

test('every relative link of what is carried leads to something carried', () => {
  const files = new Set(globSync([...carried], { cwd: root }))
  expect([...files]).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'docs/openai.md']))
  const missing = [...files].flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\]\(([^)#\s]+)[^)\s]*\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !link.includes('://') && !files.has(join(dirname(file), link)))
      .map((link) => `${file} → ${link}`),
  )
  expect(missing).toEqual([])
})
