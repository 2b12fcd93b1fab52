/**
 * Python environments that tests run: one with the stock clients, one with schemathesis. Each is made once for its list
 * of requirements, then kept.
 *
 * Promise: exactly the pinned packages, in a folder of this project's cache named by their hash; half an installation is
 * never used. Needs `python3` (3.10 or newer) and its pip; takes about 20 s the first time.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { resultsFile, root } from './results.ts'

const run = promisify(execFile)
const lists = {
  clients: join(root, 'test/reality/python/requirements.txt'),
  schemathesis: join(root, 'test/reality/python/schemathesis.txt'),
}

/** The path of its interpreter. */
export async function preparePython(of: keyof typeof lists): Promise<string> {
  const requirements = lists[of]
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(dirname(resultsFile), `python-${hash}`)
  const interpreter = join(folder, 'bin', 'python')
  if (existsSync(interpreter)) return interpreter

  await mkdir(dirname(folder), { recursive: true })
  const building = await mkdtemp(`${folder}-`)
  try {
    // Without pip of its own, which takes longer than all the packages: the machine's pip installs into it.
    await run('python3', ['-m', 'venv', '--without-pip', building])
    const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--no-compile']
    await run('python3', ['-m', 'pip', '--python', building, 'install', ...quiet, '--no-deps', '-r', requirements])
    // Another run may have been faster: its environment is as good.
    await rename(building, folder).catch((error: unknown) => {
      if (!existsSync(interpreter)) throw error
    })
  } finally {
    await rm(building, { recursive: true, force: true })
  }
  return interpreter
}
