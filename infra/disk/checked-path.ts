/**
 * Whether a relative path may be a file of a folder store.
 *
 * Promise: what passes stays inside the root and can be created there: a path that only the
 * disk refused would stop a store for ever, where one refused here is the fault of its event.
 */
import { Failure } from '#processors/ports/failure.ts'

export function checkedPath(path: string): void {
  const reason = whatIsWrong(path)
  if (reason !== undefined) throw new Failure('request.invalid', `${JSON.stringify(path.slice(0, 200))} ${reason}`)
}

function whatIsWrong(path: string): string | undefined {
  if (Buffer.byteLength(path) > 1000) return 'is too long for a path'
  if (!path.isWellFormed() || /[\p{Cc}\\]/u.test(path)) return 'holds a character no file name may have'
  for (const segment of path.split('/')) {
    if (segment === '') return 'has an empty part'
    if (segment === '.' || segment === '..') return 'is not the plain way to a file'
    // Room for the name its new content waits under.
    if (Buffer.byteLength(segment) > 250) return 'has too long a part'
    if (segment.startsWith('.') && segment.endsWith('.tmp')) return 'is a name the store keeps for itself'
  }
  return undefined
}
