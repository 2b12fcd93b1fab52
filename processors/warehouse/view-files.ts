import { readFileSync, readdirSync } from 'node:fs'
import type { ViewDefinition } from '#processors/ports/column-store.ts'

/**
 * The SQL views: each file of `views/` is one SELECT, and its name is the view's.
 *
 * Views may stand on one another: a file says so in a first line `-- after: <view>, <view>`.
 */
export function viewFiles(): ViewDefinition[] {
  const folder = new URL('./views/', import.meta.url)
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
  const views = files.map((file) => {
    const sql = readFileSync(new URL(file, folder), 'utf8')
    const after =
      /^-- after: (.+)$/m
        .exec(sql)?.[1]
        ?.split(',')
        .map((name) => name.trim()) ?? []
    return { name: file.slice(0, -'.sql'.length), sql, after }
  })
  const ordered: typeof views = []
  while (ordered.length < views.length) {
    const ready = views.filter(
      (one) => !ordered.includes(one) && one.after.every((name) => ordered.some((done) => done.name === name)),
    )
    if (ready.length === 0)
      throw new Error(
        `views wait for one another: ${views
          .filter((one) => !ordered.includes(one))
          .map((one) => one.name)
          .join(', ')}`,
      )
    ordered.push(...ready)
  }
  return ordered.map(({ name, sql }) => ({ name, sql }))
}
