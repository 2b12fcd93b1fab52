/**
 * The builds of the stores: each is a folder of its own, and one of a store's builds is the current one (R7).
 *
 * Promise (`promote.clean`): after a kill at any moment the current build is a whole one, the old or the new. No folder
 * and no database in it is ever renamed. A build whose folder is gone does not exist, so deleting it drops the store.
 */
export interface StoreBuilds {
  /** A new, empty build; not current until promoted. */
  create(store: string, version: number): StoreBuild
  /** All builds of a store, oldest first. */
  list(store: string): readonly StoreBuild[]
  current(store: string): StoreBuild | undefined
  /** The build that was current before; what a rollback promotes. */
  previous(store: string): StoreBuild | undefined
  /** Makes a build the current one, and the one before it the previous. Durable when it returns. */
  promote(build: StoreBuild): void
  /** Deletes a build's folder; finished by the next call here if killed half-way. Refuses the current one. */
  remove(build: StoreBuild): void
}

export interface StoreBuild {
  readonly store: string
  readonly version: number
  readonly id: string
  /** Absolute. */
  readonly folder: string
}
