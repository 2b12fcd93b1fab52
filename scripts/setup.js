/**
 * Makes node_modules what package-lock.json says; npm runs it before start, test and the rest.
 *
 * Promise: where they agree it does nothing, in a few milliseconds; where they don't it runs `npm ci` and asks nothing.
 * Nothing goes to stdout, which belongs to the command that follows. Plain JS, because before the first install the
 * Node at hand may be as old as 20. With `--runtime` absent development packages are fine.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const runtimeOnly = process.argv.includes('--runtime')

const reason = whyInstall()
if (reason !== undefined) install(reason)

/** Why node_modules isn't right, or undefined. npm writes its own record of the tree last, once all is in place. */
function whyInstall() {
  const installed = packagesOf('node_modules/.package-lock.json')
  if (installed === undefined) return 'first use'
  for (const [path, wanted] of Object.entries(packagesOf('package-lock.json') ?? {})) {
    if (path === '' || wanted.link) continue
    const found = installed[path]
    if (found === undefined) {
      if (wanted.optional || wanted.devOptional || (runtimeOnly && wanted.dev)) continue
      return `${path} is missing`
    }
    const sameContent = wanted.integrity === undefined || found.integrity === wanted.integrity
    if (found.version !== wanted.version || !sameContent) return `${path} differs`
  }
  const binary = process.platform === 'win32' ? 'node.exe' : 'node'
  if (!existsSync(join(root, 'node_modules/node/bin', binary))) return 'its Node is missing'
  return undefined
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  } catch {
    return undefined
  }
}

function install(why) {
  process.stderr.write(`lattice: installing dependencies as package-lock.json pins them (${why}) …\n`)
  const began = Date.now()
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const env = { ...process.env }
  // npm hands its own flags down as npm_config_*: those of the outer command (--silent, --omit) must not reach this one.
  for (const name of Object.keys(env))
    if (/^npm_config_(loglevel|omit|include|production)$/i.test(name)) delete env[name]
  const done = spawnSync('npm', args, {
    cwd: root,
    env,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (done.status === 0) {
    process.stderr.write(`lattice: installed in ${Math.round((Date.now() - began) / 1000)} s\n`)
    return
  }
  process.stderr.write(
    `lattice: npm ci failed${done.error ? `: ${done.error.message}` : ''}. Run it by hand to see why.\n`,
  )
  process.exit(done.status || 1)
}
