/**
 * A TypeScript source as the JavaScript of the package.
 *
 * Types are blanked, not removed, so line numbers in a stack trace are those of the source. `'./x.ts'` becomes
 * `'./x.js'` wherever a string names a neighbour: import, import(), new URL(…, import.meta.url), a worker's file.
 * `'#room/x.ts'` stays: the package's `imports` send it to `./room/x.js`.
 */
import { stripTypeScriptTypes } from 'node:module'

export function toJavaScript(source: string): string {
  return stripTypeScriptTypes(source, { mode: 'strip' }).replaceAll(/(['"`])(\.\/[^'"`\n]+)\.ts\1/g, '$1$2.js$1')
}
