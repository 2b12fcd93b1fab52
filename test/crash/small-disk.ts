/**
 * A disk that is full soon: a small tmpfs, which only root may mount.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  readonly folder: string
  /** Takes all space that is left, in whole pages. */
  fill(): void
  /** Gives back what `fill` took. */
  free(): void
  unmount(): void
}

/** Undefined where it may not be mounted; a test then says it was not run. */
export function mountSmallDisk(sizeKiB: number): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-small-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKiB}k`, 'tmpfs', folder])
  if (mounted.status !== 0) {
    rmdirSync(folder)
    return undefined
  }
  const ballast = join(folder, 'ballast')
  return {
    folder,
    fill() {
      for (let page = 0; ; page++) {
        try {
          writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' })
        } catch {
          return
        }
      }
    },
    free: () => rmSync(ballast, { force: true }),
    unmount() {
      spawnSync('umount', ['-l', folder])
      rmdirSync(folder)
    },
  }
}
