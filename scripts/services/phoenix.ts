/**
 * A real Arize Phoenix on loopback: takes OTLP/HTTP at `/v1/traces`, and tells by its REST API what it has.
 *
 * Needs Python 3. Installed once from PyPI into the services' cache: 850 MB, 2 to 5 minutes. Its OTLP/gRPC port binds
 * every address whatever it is told, so that is changed in the copy installed here.
 */
import { execFile } from 'node:child_process'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './maven.ts'
import { freePort } from './ports.ts'
import { type Server, type ServerOptions, dataFolder, startServer } from './server.ts'

const VERSION = '20.26.0'
const run = promisify(execFile)

export interface PhoenixServer extends Server {
  /** http://127.0.0.1:<port> */
  readonly url: string
}

export async function startPhoenix(options: ServerOptions & { readonly port?: number } = {}): Promise<PhoenixServer> {
  const folder = await fetchPhoenix()
  const port = options.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const dataDir = await dataFolder('phoenix', options.dataDir)
  const settings = {
    PHOENIX_HOST: '127.0.0.1',
    PHOENIX_PORT: String(port),
    PHOENIX_GRPC_PORT: String(await freePort()),
    PHOENIX_WORKING_DIR: dataDir,
    PHOENIX_TELEMETRY_ENABLED: 'false',
  }
  const server = await startServer(
    {
      name: 'phoenix',
      file: '/usr/bin/env',
      args: [
        ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
        join(folder, 'bin', 'python'),
        '-m',
        'phoenix.server.main',
        'serve',
      ],
      ready: async () =>
        await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) }).then(
          (answer) => answer.ok,
          () => false,
        ),
      startTimeoutMs: 180_000,
    },
    { dataDir, temporary: options.dataDir === undefined, detached: options.detached ?? false },
  )
  return Object.assign(server, { url })
}

/** The folder of its virtual environment, made once. */
export function fetchPhoenix(): Promise<string> {
  return cached(`arize-phoenix-${VERSION}`, async (folder) => {
    await run('python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', `arize-phoenix==${VERSION}`]
    await run(join(folder, 'bin', 'python'), pip, { maxBuffer: 16 * 1024 * 1024 })
    await bindLoopback(folder)
  })
}

async function bindLoopback(folder: string): Promise<void> {
  const [python = 'python3'] = await readdir(join(folder, 'lib'))
  const file = join(folder, 'lib', python, 'site-packages', 'phoenix', 'server', 'grpc_server.py')
  const source = await readFile(file, 'utf8')
  const bound = source.replaceAll('f"[::]:{self._port}"', 'f"127.0.0.1:{self._port}"')
  if (bound === source) throw new Error(`${file} no longer binds as it did: see what it binds now`)
  await writeFile(file, bound)
}
