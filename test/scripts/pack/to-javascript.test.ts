/** What the package's JavaScript keeps and what it changes. */
import { expect, test } from 'vitest'
import { toJavaScript } from '#scripts/pack/to-javascript.ts'

test('types go, lines stay', () => {
  const source = 'interface A {\n  readonly b: string\n}\nexport const c: number = 1\n'
  const stripped = toJavaScript(source)
  expect(stripped.split('\n')).toHaveLength(source.split('\n').length)
  expect(stripped).not.toContain('interface')
  expect(stripped).toMatch(/export const c\s+= 1/)
})

test.for([
  [`import { a } from './a.ts'`, `import { a } from './a.js'`],
  [`const a = await import('./a.b.ts')`, `const a = await import('./a.b.js')`],
  [`new URL('./worker.ts', import.meta.url)`, `new URL('./worker.js', import.meta.url)`],
  [`import { a } from '#schemas/a.ts'`, `import { a } from '#schemas/a.ts'`],
  [`const note = 'see a.ts'`, `const note = 'see a.ts'`],
])('%s becomes %s', ([source, expected]) => {
  expect(toJavaScript(source!)).toBe(expected)
})
