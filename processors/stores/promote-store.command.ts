import type { Journal } from '#processors/journal/journal.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { StoreBuild, StoreBuilds } from '#processors/ports/store-builds.ts'
import { formatToken } from '#schemas/position.ts'
import type { Position } from '#schemas/position.ts'

/**
 * Makes a build the current one, for every process that has it (R7).
 *
 * Promise: the pointer is replaced first and the event says so, so a process that starts later finds the same build.
 */
export async function promoteStore(
  ports: { journal: Journal; builds: StoreBuilds },
  build: StoreBuild,
  at: readonly Position[],
): Promise<Position> {
  ports.builds.promote(build)
  const { positions } = await ports.journal.write([
    {
      type: 'store.promoted',
      subject: build.store,
      data: { store: build.store, version: build.version, build: build.id, at: formatToken(ports.journal.logId, at) },
    },
  ])
  const position = positions[0]
  if (position === undefined) throw new Failure('internal', 'the promotion got no position')
  return position
}

/** The build to promote: the named one, or the newest that is not current. */
export function findBuild(builds: StoreBuilds, store: string, id: string | undefined): StoreBuild {
  const current = builds.current(store)
  const others = builds.list(store).filter((build) => build.id !== current?.id)
  const found = id === undefined ? others.at(-1) : builds.list(store).find((build) => build.id === id)
  if (found !== undefined) return found
  throw new Failure(
    'store.unknown',
    id === undefined ? `store ${store} has no other build` : `store ${store} has no build ${id}`,
    {
      remedy: id === undefined ? `run: lattice store rebuild ${store}` : 'lattice store list shows every build',
    },
  )
}
