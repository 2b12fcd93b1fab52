import { Failure } from '#processors/ports/failure.ts'
import type { ProcessLocks } from '#processors/ports/process-locks.ts'
import type { StoreBuild, StoreBuilds } from '#processors/ports/store-builds.ts'
import { stateOfBuild } from './stores.query.ts'

/**
 * Deletes a build that nobody needs: an old one, or one that a killed process left.
 *
 * Promise: never the live one, nor one that is being made. Errors: `store.locked`.
 */
export function removeBuild(
  ports: { readonly builds: StoreBuilds; readonly locks: Pick<ProcessLocks, 'isHeld'> },
  build: StoreBuild,
): void {
  const state = stateOfBuild(ports, build)
  if (state === 'live') {
    throw new Failure('store.locked', `${build.id} is the live build of ${build.store}`, {
      remedy: `make another one live first: lattice store rebuild ${build.store} --promote`,
    })
  }
  if (state === 'building') {
    throw new Failure('store.locked', `${build.id} of ${build.store} is being built`, {
      remedy: 'wait for the process that builds it, or stop it',
    })
  }
  ports.builds.remove(build)
}
