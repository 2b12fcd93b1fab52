/** A store of this process, for a route. Errors: `store.locked` where its role leaves it to another. */
import type { Opened } from '#api/opened.ts'
import { Failure } from '#processors/ports/failure.ts'

type Stores = Opened['lattice']['stores']

export function storeOf<Name extends keyof Stores>({ lattice }: Opened, name: Name): NonNullable<Stores[Name]> {
  const store = lattice.stores[name]
  if (store !== undefined) return store
  throw new Failure('store.locked', `this process has no ${name} store`, {
    remedy: 'ask the process with the role stores',
  })
}
