#!/usr/bin/env node
/**
 * The `lattice` command of the installed package: starts api/main.js on Node 24.
 *
 * Promise: works from Node 20 on. An older Node than 24 starts the one the package brought (found through the `node`
 * package, never through PATH) with the same standard streams, hands its signals down and ends as that one ends; if it
 * is killed, the other shuts down in order. Compiled code is cached, so the second start is fast.
 */
const WANTED = 24

if (Number(process.versions.node.split('.')[0]) >= WANTED) await here()
else await onPackagedNode()

async function here() {
  if (process.channel !== undefined) {
    process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
    process.channel.unref()
  }
  const [{ enableCompileCache }, { homedir }, { join }] = await Promise.all([
    import('node:module'),
    import('node:os'),
    import('node:path'),
  ])
  // A folder of the user's own: code read back from a shared /tmp could be another's.
  enableCompileCache(process.env['NODE_COMPILE_CACHE'] ?? join(homedir(), '.cache', 'lattice', 'compiled'))
  await import('../api/main.js')
}

async function onPackagedNode() {
  const [{ spawn }, { createRequire }, { dirname, join }, { fileURLToPath }] = await Promise.all([
    import('node:child_process'),
    import('node:module'),
    import('node:path'),
    import('node:url'),
  ])
  const packaged = dirname(createRequire(import.meta.url).resolve('node/package.json'))
  const binary = join(packaged, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  const child = spawn(binary, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  // A terminal sends Ctrl-C to both processes: handed down as well it would count twice.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) {
    process.on(signal, () => (signal === 'SIGINT' && onTerminal) || child.kill(signal))
  }
  child.once('error', (error) => {
    process.stderr.write(`lattice: needs Node ${WANTED}; the one it brought does not start (${error.message}). `)
    process.stderr.write('Install Node 24, or reinstall with install scripts allowed.\n')
    process.exitCode = 1
  })
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
