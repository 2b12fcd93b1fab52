/**
 * Which id each schema got from a registry, kept in a file: what an id means must outlive the registry (`log.same` for
 * schemas).
 *
 * Promise: the file is written whole or not at all. Without a path it is kept in memory alone.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'

export interface RememberedSchema {
  readonly id: number
  readonly subject: string
  readonly schema: string
}

const FORMAT = 1

export class RegistryMemory {
  readonly #path: string | undefined
  readonly #schemas: RememberedSchema[]

  constructor(path: string | undefined, schemas: RememberedSchema[]) {
    this.#path = path
    this.#schemas = schemas
  }

  /** In the order of their ids: the order in which an emptied registry gives the same ones again. */
  get all(): readonly RememberedSchema[] {
    return this.#schemas.toSorted((a, b) => a.id - b.id)
  }

  idOf(subject: string, schema: string): number | undefined {
    return this.#schemas.find((one) => one.subject === subject && one.schema === schema)?.id
  }

  schemaOf(id: number): string | undefined {
    return this.#schemas.find((one) => one.id === id)?.schema
  }

  async remember(schema: RememberedSchema): Promise<void> {
    this.#schemas.push(schema)
    if (this.#path === undefined) return
    await mkdir(dirname(this.#path), { recursive: true })
    const text = JSON.stringify({ format: FORMAT, schemas: this.all }, undefined, 1)
    const beside = `${this.#path}.${process.pid}`
    await writeFile(beside, `${text}\n`, { flush: true })
    await rename(beside, this.#path)
  }
}

export async function openRegistryMemory(path: string | undefined): Promise<RegistryMemory> {
  if (path === undefined) return new RegistryMemory(undefined, [])
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new RegistryMemory(path, [])
    throw error
  }
  const kept = JSON.parse(text) as { readonly format: number; readonly schemas: RememberedSchema[] }
  if (kept.format > FORMAT) {
    throw new Failure('log.newer', `${path} was written by a newer version`, {
      remedy: 'Use that version, or a newer one.',
    })
  }
  return new RegistryMemory(path, kept.schemas)
}
