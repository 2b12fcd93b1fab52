/**
 * Builds of stores as folders, `<root>/<store>/<version>-<id>/`, beside a file `current` that names one of them.
 *
 * Promise (`promote.clean`): `current` is replaced whole, file and folder synced, and names both the current and the
 * previous build, so that neither a kill nor a power cut leaves a pointer that is half one and half the other. Databases
 * are never renamed: a rename over one that is open gave old rows on SQLite and a mixture on DuckDB (R7).
 *
 * One process, the store's owner, creates, promotes and removes; others read.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { StoreBuild, StoreBuilds } from '#processors/ports/store-builds.ts'
import { makeFolder, replaceFile } from './synced-files.ts'

interface Pointer {
  readonly current?: string
  readonly previous?: string
}

export interface StoreFolderOptions {
  readonly root: string
  /** Ids in the order they are made: UUIDv7. */
  readonly newId: () => string
}

export function openStoreFolder(options: StoreFolderOptions): StoreBuilds {
  const root = resolve(options.root)
  const folderOf = (store: string): string => {
    if (!/^[a-z][a-z0-9-]*$/.test(store)) throw new Failure('store.unknown', `no store can be called ${store}`)
    return join(root, store)
  }
  const nameOf = ({ version, id }: StoreBuild): string => `${version}-${id}`
  const pointerOf = (store: string): string => join(folderOf(store), 'current')
  const removedOf = (store: string, name: string): string => join(folderOf(store), `removed-${name}`)

  function buildOf(store: string, name: string | undefined): StoreBuild | undefined {
    const [, version, id] = /^(\d{1,9})-([0-9a-zA-Z-]{1,64})$/.exec(name ?? '') ?? []
    if (version === undefined || id === undefined) return undefined
    const folder = join(folderOf(store), `${version}-${id}`)
    if (!existsSync(folder) || existsSync(removedOf(store, `${version}-${id}`))) return undefined
    return { store, version: Number(version), id, folder }
  }

  function pointer(store: string): Pointer {
    const path = pointerOf(store)
    if (!existsSync(path)) return {}
    try {
      const { current, previous } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
      return {
        ...(typeof current === 'string' ? { current } : {}),
        ...(typeof previous === 'string' ? { previous } : {}),
      }
    } catch (cause) {
      const remedy = `Delete ${path} and rebuild the store.`
      throw new Failure('store.rebuild-required', `${path} cannot be read`, { remedy, cause })
    }
  }

  /** Finishes what a killed `remove` began. */
  function sweep(store: string): void {
    for (const entry of existsSync(folderOf(store)) ? readdirSync(folderOf(store)) : []) {
      const [, name] = /^removed-(\d+-[0-9a-zA-Z-]+)$/.exec(entry) ?? []
      if (name === undefined) continue
      rmSync(join(folderOf(store), name), { recursive: true, force: true })
      rmSync(join(folderOf(store), entry), { force: true })
    }
  }

  const current = (store: string): StoreBuild | undefined => buildOf(store, pointer(store).current)
  return {
    create(store, version) {
      sweep(store)
      const id = options.newId()
      const folder = join(folderOf(store), `${version}-${id}`)
      makeFolder(folder)
      return { store, version, id, folder }
    },
    list(store) {
      const names = existsSync(folderOf(store)) ? readdirSync(folderOf(store)) : []
      const builds = names.map((name) => buildOf(store, name)).filter((build) => build !== undefined)
      return builds.sort((a, b) => (a.id < b.id ? -1 : 1))
    },
    current,
    previous: (store) => buildOf(store, pointer(store).previous),
    promote(build) {
      const { store } = build
      const name = nameOf(build)
      if (buildOf(store, name) === undefined) throw new Failure('store.unknown', `${store} has no build ${name}`)
      const before = current(store)
      const previous = before === undefined || before.id === build.id ? pointer(store).previous : nameOf(before)
      replaceFile(pointerOf(store), `${JSON.stringify({ current: name, previous })}\n`)
    },
    remove(build) {
      const { store } = build
      const name = nameOf(build)
      if (pointer(store).current === name) throw new Failure('store.locked', `${name} is the current build of ${store}`)
      // From here on the build does not exist, however far the deleting gets.
      if (existsSync(build.folder)) writeFileSync(removedOf(store, name), '')
      sweep(store)
    },
  }
}
