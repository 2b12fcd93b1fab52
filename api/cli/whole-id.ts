import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'

/** The id of the one run that begins so; what was given, where there is no such run. Errors: `request.invalid`. */
export function wholeId(runsDir: string, given: string): string {
  if (!existsSync(runsDir) || existsSync(join(runsDir, given))) return given
  const found = readdirSync(runsDir).filter((name) => name.startsWith(given))
  if (found.length > 1) {
    const shown = found.sort().slice(-mostNamed).join(', ')
    throw new Failure('request.invalid', `${found.length} run ids begin with ${given}: ${shown}`, {
      remedy: 'give more of the run id; lattice runs lists the last ones',
    })
  }
  return found[0] ?? given
}

const mostNamed = 5
