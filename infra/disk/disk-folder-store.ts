/**
 * A folder store on plain files, its committed lengths and checkpoints in a small SQLite file beside them.
 *
 * Promise (`store.atomic`): the moment of commit is the SQLite transaction. Before it, appended bytes lie beyond the
 * committed lengths, where the next append cuts them off, and replaced files wait under another name. After it, the
 * waiting files are renamed; which ones is part of the transaction, so that opening finishes what a kill cut short.
 * So a kill at any moment leaves files that a re-fold, in whatever batches, completes to the same bytes.
 *
 * Nothing is synced: after a power cut a file may be shorter than it was committed, which is found when it is touched.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { FolderStore } from '#processors/ports/folder-store.ts'
import { checkedPath } from './checked-path.ts'
import { openFolderState } from './folder-state.ts'

interface Pending {
  /** Whether `parts` are the whole file, or come after what is committed. */
  whole: boolean
  parts: Uint8Array[]
}

export function openDiskFolderStore(options: { readonly root: string; readonly statePath: string }): FolderStore {
  mkdirSync(options.root, { recursive: true })
  const root = realpathSync(resolve(options.root))
  const state = openFolderState(options.statePath)
  const pending = new Map<string, Pending>()
  const pendingNotes = new Map<string, string | undefined>()
  const knownFolders = new Set<string>()

  function makeFolder(folder: string): void {
    if (knownFolders.has(folder)) return
    let existing = folder
    while (!existsSync(existing)) existing = dirname(existing)
    const real = realpathSync(existing)
    if (real !== root && !real.startsWith(root + sep)) {
      throw new Failure('store.stalled', `${folder} leads out of ${root}`, { remedy: 'Remove the symbolic link.' })
    }
    mkdirSync(folder, { recursive: true })
    if (knownFolders.size > 10_000) knownFolders.clear()
    knownFolders.add(folder)
  }

  /** The file's descriptor; its folder is made where it is missing, also when somebody removed it meanwhile. */
  function openToWrite(file: string): number {
    makeFolder(dirname(file))
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
    try {
      return openSync(file, flags, 0o644)
    } catch (error) {
      if (!isMissing(error)) throw error
      knownFolders.clear()
      makeFolder(dirname(file))
      return openSync(file, flags, 0o644)
    }
  }

  /** Writes `parts` from `from` on and cuts off what lies beyond; returns the length. */
  function write(file: string, from: number, parts: readonly Uint8Array[]): number {
    const descriptor = openToWrite(file)
    try {
      const { size } = fstatSync(descriptor)
      if (size < from) throw shorter(file, size, from)
      if (size > from) ftruncateSync(descriptor, from)
      const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
      for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at, bytes.length - at, from + at)
      return from + bytes.length
    } finally {
      closeSync(descriptor)
    }
  }

  function finishRenames(): void {
    const paths = state.toRename()
    if (paths.length === 0) return
    for (const path of paths) {
      const waiting = waitingName(join(root, path))
      if (existsSync(waiting)) renameSync(waiting, join(root, path))
    }
    state.renamed()
  }

  function take(path: string, bytes: string | Uint8Array, whole: boolean): void {
    checkedPath(path)
    const part = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    const known = pending.get(path)
    if (known === undefined || whole) pending.set(path, { whole, parts: [part] })
    else known.parts.push(part)
  }

  const guard = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw diskFailure(error)
    }
  }

  function rollback(): void {
    pending.clear()
    pendingNotes.clear()
  }

  try {
    guard(finishRenames)
  } catch (error) {
    state.close()
    throw error
  }

  return {
    append: (path, bytes) => take(path, bytes, false),
    replace: (path, bytes) => take(path, bytes, true),
    commit(checkpoints) {
      guard(() => {
        finishRenames()
        const sizes = new Map<string, number>()
        for (const [path, { whole, parts }] of pending) {
          const file = join(root, path)
          sizes.set(path, whole ? write(waitingName(file), 0, parts) : write(file, state.sizeOf(path), parts))
        }
        const replaced = [...pending].filter(([, { whole }]) => whole).map(([path]) => path)
        state.commit({ sizes, replaced, notes: pendingNotes, checkpoints })
      })
      rollback()
      try {
        finishRenames()
      } catch {
        // It is committed; the next commit or opening tries again, and says so if it cannot.
      }
    },
    rollback,
    checkpoints: () => state.checkpoints(),
    files: () => state.files(),
    note(key, value) {
      pendingNotes.set(key, value)
    },
    noted: (key) => (pendingNotes.has(key) ? pendingNotes.get(key) : state.noted(key)),
    contentHash() {
      guard(finishRenames)
      let sum = 0n
      for (const { path, sizeBytes } of state.files()) sum += guard(() => hashOfFile(join(root, path), path, sizeBytes))
      return BigInt.asUintN(128, sum).toString(16).padStart(32, '0')
    },
    close() {
      rollback()
      state.close()
    },
  }
}

/** Where the new content of a file waits for its commit. */
function waitingName(file: string): string {
  return `${dirname(file)}${sep}.${file.slice(dirname(file).length + 1)}.tmp`
}

function hashOfFile(file: string, path: string, sizeBytes: number): bigint {
  const digest = createHash('sha256').update(`${path}\0`)
  const chunk = Buffer.allocUnsafe(Math.min(sizeBytes, 1 << 20))
  const descriptor = openSync(file, 'r')
  try {
    for (let at = 0; at < sizeBytes;) {
      const read = readSync(descriptor, chunk, 0, Math.min(chunk.length, sizeBytes - at), at)
      if (read === 0) throw shorter(file, at, sizeBytes)
      digest.update(chunk.subarray(0, read))
      at += read
    }
  } finally {
    closeSync(descriptor)
  }
  return BigInt(`0x${digest.digest('hex').slice(0, 32)}`)
}

function shorter(file: string, size: number, committed: number): Failure {
  return new Failure('store.rebuild-required', `${file} has ${size} bytes, and ${committed} were committed`, {
    remedy: 'Rebuild the store: somebody changed the file, or the machine lost power.',
  })
}

function diskFailure(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  const message = isMissing(error) ? 'a file of the store is gone' : 'a file of the store cannot be written'
  const code = isMissing(error) ? 'store.rebuild-required' : 'store.stalled'
  return new Failure(code, `${message}: ${error.message}`, {
    remedy: 'Check the disk and its permissions.',
    cause: error,
  })
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
