/**
 * Moves a build's files to where people look for them.
 *
 * Promise: file by file, each replaced whole; killed half-way, the next call moves the rest. Nothing else at the target
 * is touched.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

export function adoptFiles(from: string, to: string): void {
  if (!existsSync(from)) return
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const target = join(to, relative(from, file))
    mkdirSync(dirname(target), { recursive: true })
    move(file, target)
  }
  rmSync(from, { recursive: true, force: true })
}

function move(file: string, target: string): void {
  try {
    renameSync(file, target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    copyFileSync(file, `${target}.new`)
    renameSync(`${target}.new`, target)
    rmSync(file)
  }
}
