import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { EventType } from '#schemas/catalog.ts'
import { isEventType } from '#schemas/catalog.ts'

/**
 * What a build says of itself, in a file beside it: the log it folds, and the event types it skipped because nobody
 * handled them then.
 *
 * Promise: a build is never continued on another log (`log.diverged`, R5), nor where it skipped what the code now
 * handles (`store.rebuild-required`, R4). A type is noted before the batch that skipped it is committed.
 */
export interface BuildNote {
  /** Errors: `log.diverged`, `store.rebuild-required`. */
  check(wants: (type: EventType) => boolean): void
  skipped(type: string): void
}

/** Notes that a build beside the live one has all of the log it was made from. */
export function noteFinished(folder: string): void {
  const noted = read(join(folder, fileName))
  if (noted !== undefined) write(join(folder, fileName), { ...noted, finished: true })
}

/** Whether somebody built it to its end, as far as it says so itself. */
export function isFinished(folder: string): boolean {
  return read(join(folder, fileName))?.finished === true
}

const fileName = 'build.json'

interface Noted {
  readonly store: string
  readonly version: number
  readonly logId: string
  readonly skipped: readonly string[]
  /** Of a rebuild: it came to its end. */
  readonly finished?: boolean
}

export function openBuildNote(folder: string, given: Omit<Noted, 'skipped' | 'finished'>): BuildNote {
  const path = join(folder, fileName)
  const noted = read(path) ?? { ...given, skipped: [] }
  const skipped = new Set(noted.skipped)

  function save(types: Iterable<string>): void {
    write(path, { ...noted, skipped: [...types].sort() })
  }

  save(skipped)
  return {
    check(wants) {
      if (noted.logId !== given.logId) {
        throw new Failure(
          'log.diverged',
          `store ${given.store} was built from log ${noted.logId}; this log is ${given.logId}`,
          {
            remedy: `set LATTICE_LOG back, or run: lattice store rebuild ${given.store}`,
          },
        )
      }
      const missed = [...skipped].filter((type) => isEventType(type) && wants(type))
      if (missed.length > 0) {
        throw new Failure(
          'store.rebuild-required',
          `store ${given.store} skipped ${missed.join(', ')}, which it now handles`,
          {
            remedy: `run: lattice store rebuild ${given.store}`,
          },
        )
      }
    },
    skipped(type) {
      if (skipped.has(type)) return
      save([...skipped, type])
      skipped.add(type)
    },
  }
}

function write(path: string, noted: Noted): void {
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify(noted, undefined, 2)}\n`, { flush: true })
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw new Failure('store.stalled', `cannot write ${path}`, { remedy: 'check the disk', cause: error })
  }
}

function read(path: string): Noted | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Noted
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Failure('store.stalled', `cannot read ${path}`, { cause: error })
  }
}
