/**
 * `npm run pack`: the `lattice` command as a tarball, lattice-<version>.tgz, for `npm install -g`.
 *
 * Node strips no types under node_modules, so a package carries JavaScript. It is staged under dist/: the four rooms
 * that run, types stripped in place (line numbers stay true), relative `./x.ts` made `./x.js`, every other file copied,
 * and beside them the README with what it links to.
 * `#room/x.ts` stays as it is: the package's own `imports` send it to `./room/x.js`. What it depends on is pinned, with
 * its hash, as package-lock.json pins it here. Prints the tarball's path.
 */
import { execFileSync } from 'node:child_process'
import { cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { carried } from './carried.ts'
import { toJavaScript } from './to-javascript.ts'

const root = join(import.meta.dirname, '..', '..')
const dist = join(root, 'dist')
const ROOMS = ['schemas', 'processors', 'infra', 'api']

// Only the experimental mark of type stripping is silenced; every other warning still shows.
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (!warning.message.includes('stripTypeScriptTypes')) console.error(warning)
})

await rm(dist, { recursive: true, force: true })
for await (const file of glob(
  ROOMS.map((room) => `${room}/**/*.*`),
  { cwd: root },
))
  await stage(file)
for await (const file of glob([...carried], { cwd: root })) await cp(join(root, file), join(dist, file))
await mkdir(join(dist, 'bin'))
await cp(join(import.meta.dirname, 'lattice.js'), join(dist, 'bin', 'lattice.js'))
const manifest = await packageJson()
await writeFile(join(dist, 'package.json'), JSON.stringify(manifest, null, 2))
await writeFile(join(dist, 'npm-shrinkwrap.json'), JSON.stringify(await shrinkwrap(manifest), null, 1))

const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', root], { cwd: dist, encoding: 'utf8' })
const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
console.log(join(root, filename))

async function stage(file: string): Promise<void> {
  if (file.endsWith('.md') || file.endsWith('.d.ts')) return
  const target = join(dist, file)
  await mkdir(dirname(target), { recursive: true })
  if (!file.endsWith('.ts')) return await cp(join(root, file), target)
  const source = await readFile(join(root, file), 'utf8')
  await writeFile(target.replace(/\.ts$/, '.js'), toJavaScript(source))
}

async function packageJson(): Promise<Record<string, unknown>> {
  const source = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Record<string, unknown>
  const { name, version, description, license, type, engines, dependencies, optionalDependencies } = source
  return {
    name,
    version,
    description,
    license,
    type,
    engines,
    bin: { lattice: 'bin/lattice.js' },
    imports: {
      ...Object.fromEntries(ROOMS.map((room) => [`#${room}/*.ts`, `./${room}/*.js`])),
      '#package.json': './package.json',
    },
    dependencies,
    optionalDependencies,
  }
}

/** The lock file without what only development needs, as npm takes it from a package that is installed. */
async function shrinkwrap(manifest: Record<string, unknown>): Promise<Record<string, unknown>> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    readonly lockfileVersion: number
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>
  }
  const { name, version, license, engines, bin, dependencies } = manifest
  const needed = Object.entries(lock.packages).filter(
    ([path, one]) => path !== '' && one.dev !== true && one.devOptional !== true,
  )
  const packages = { '': { name, version, license, engines, bin, dependencies }, ...Object.fromEntries(needed) }
  return { name, version, lockfileVersion: lock.lockfileVersion, requires: true, packages }
}
