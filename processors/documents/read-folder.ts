import { glob, readFile, realpath, stat } from 'node:fs/promises'
import { basename, extname, join, sep } from 'node:path'
import { isUtf8 } from 'node:buffer'
import { Failure } from '#processors/ports/failure.ts'
import { sha256 } from '#schemas/ids.ts'

/**
 * The documents a folder offers: `README*`, `documentation.txt`, `docs/**` in Markdown or plain text.
 *
 * Promise: in a fixed order, at most `max`; what is binary, not UTF-8, too large or unreadable is named with the reason,
 * never half read; nothing outside the folder is followed.
 */
export interface FolderDocument {
  /** Relative to the folder, '/'-separated. */
  readonly path: string
  readonly title: string | null
  readonly mediaType: string
  readonly content: string
  readonly contentHash: string
  readonly sizeBytes: number
}

export interface FolderContents {
  readonly documents: readonly FolderDocument[]
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
  /** Matching files beyond `max`. */
  readonly left: number
}

export const documentLimitBytes = 32 * 1024 * 1024
/** A glob tells upper from lower case where the file system does. */
const patterns = ['[Rr][Ee][Aa][Dd][Mm][Ee]*', 'documentation.txt', 'docs/**/*.md', 'docs/**/*.txt']

/** Id of a folder's corpus: the same folder has the same corpus, whatever it is called by. */
export async function corpusOf(folder: string): Promise<string> {
  return sha256(await rootOf(folder)).slice(0, 32)
}

async function rootOf(folder: string): Promise<string> {
  return realpath(folder).catch((error: unknown) => {
    throw new Failure('request.invalid', `there is no folder ${folder}`, {
      remedy: 'Name a folder that is there and that this user may read.',
      cause: error,
    })
  })
}

export async function readFolder(folder: string, options: { readonly max: number }): Promise<FolderContents> {
  const root = await rootOf(folder)
  const paths = new Set<string>()
  for (const pattern of patterns) {
    for (const path of (await Array.fromAsync(glob(pattern, { cwd: root }))).sort()) paths.add(path)
  }
  const documents: FolderDocument[] = []
  const skipped: { path: string; reason: string }[] = []
  let left = 0
  for (const path of paths) {
    if (documents.length >= options.max) {
      left += 1
      continue
    }
    const document = await readDocument(root, path)
    if (document === undefined) continue
    if (typeof document === 'string') skipped.push({ path, reason: document })
    else documents.push(document)
  }
  return { documents, skipped, left }
}

/** The document, why it is skipped, or undefined where it is no file. */
async function readDocument(root: string, path: string): Promise<FolderDocument | string | undefined> {
  try {
    const real = await realpath(join(root, path))
    if (!real.startsWith(root + sep)) return 'it leads out of the folder'
    const { size, ...kind } = await stat(real).then((found) => ({ size: found.size, isFile: found.isFile() }))
    if (!kind.isFile) return undefined
    if (size > documentLimitBytes) return `larger than ${documentLimitBytes} bytes`
    const bytes = await readFile(real)
    if (bytes.includes(0) || !isUtf8(bytes)) return 'not UTF-8 text'
    const content = bytes.toString('utf8').replace(/^\uFEFF/, '')
    if (content.trim() === '') return 'empty'
    return {
      path: path.split(sep).join('/'),
      title: titleOf(content) ?? basename(path),
      mediaType: extname(path).toLowerCase() === '.md' ? 'text/markdown' : 'text/plain',
      content,
      contentHash: sha256(bytes),
      sizeBytes: bytes.length,
    }
  } catch (error) {
    return `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`
  }
}

/** The first heading of a Markdown text. */
export function titleOf(content: string): string | undefined {
  return /^#\s+(.+)$/m.exec(content.slice(0, 4096))?.[1]?.trim()
}
