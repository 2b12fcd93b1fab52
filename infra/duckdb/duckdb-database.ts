/**
 * One DuckDB file, open to write, with a connection that writes and one that reads.
 *
 * Promise: a file is open once in this process. DuckDB locks it against other processes, but opening it a second time
 * here, or only reading it as a file, would drop that lock without a word.
 */
import { resolve } from 'node:path'
import type * as duckdb from '@duckdb/node-api'
import { Failure } from '#processors/ports/failure.ts'
import { duckdbFailure } from './duckdb-failure.ts'

/** The library itself, once it is loaded. */
export type Duckdb = typeof duckdb

export interface DuckdbDatabase {
  readonly duckdb: Duckdb
  readonly writer: duckdb.DuckDBConnection
  readonly reader: duckdb.DuckDBConnection
  connect(): Promise<duckdb.DuckDBConnection>
  /** Frees the file. Nothing may be running. */
  close(): void
}

export const inMemory = ':memory:'
const openHere = new Set<string>()

export async function openDuckdbDatabase(path: string, settings: Record<string, string>): Promise<DuckdbDatabase> {
  const name = path === inMemory ? Symbol(path).toString() + Math.random() : resolve(path)
  if (openHere.has(name)) {
    throw new Failure('store.locked', `${path} is open in this process`, { remedy: 'Use the store that is open.' })
  }
  openHere.add(name)
  let instance: duckdb.DuckDBInstance | undefined
  try {
    // Loaded on first use: it takes 0.1 s, which `--help` should not wait for.
    const library = await import('@duckdb/node-api')
    const opened = await library.DuckDBInstance.create(path, {
      ...settings,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
    instance = opened
    const [writer, reader] = [await opened.connect(), await opened.connect()]
    return {
      duckdb: library,
      writer,
      reader,
      connect: () => opened.connect(),
      close() {
        writer.closeSync()
        reader.closeSync()
        opened.closeSync()
        openHere.delete(name)
      },
    }
  } catch (error) {
    instance?.closeSync()
    openHere.delete(name)
    throw duckdbFailure(error, path)
  }
}
