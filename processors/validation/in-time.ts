import { Script } from 'node:vm'

/**
 * Carries out foreign work that may never end, such as a regular expression of a request.
 *
 * Promise: gives what `work` gives, or undefined when it took longer than `ms`; then V8 ended it where it stood, and
 * nothing it had touched may be used again. It is no sandbox: `work` can do what any function can.
 */
export function inTime<T>(ms: number, work: () => T): T | undefined {
  if (workHere in globalThis) throw new Error('work within time is not nested')
  Object.defineProperty(globalThis, workHere, { value: work, configurable: true })
  try {
    return script.runInThisContext({ timeout: ms }) as T
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined
    throw error
  } finally {
    Reflect.deleteProperty(globalThis, workHere)
  }
}

const workHere = '__latticeWorkInTime'
const script = new Script(`globalThis.${workHere}()`)
