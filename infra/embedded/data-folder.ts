/**
 * The folder the embedded log stands in.
 *
 * Promise: when it is returned it exists and so do its parents on the disk, also after a power cut. (What SQLite makes
 * inside, SQLite syncs.) One that is made here is its owner's alone: it holds every prompt and answer.
 */
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'

export function dataFolder(path: string): string {
  const folder = resolve(path)
  try {
    const first = mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (let made = folder; first !== undefined && made.length >= first.length; made = dirname(made))
      sync(dirname(made))
    return folder
  } catch (error) {
    throw new Failure('log.unavailable', `${folder}: the folder cannot be made`, {
      remedy: 'Check LATTICE_DATA, and that this user may write there.',
      cause: error,
    })
  }
}

function sync(folder: string): void {
  const file = openSync(folder, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
