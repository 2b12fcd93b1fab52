/**
 * A real Confluent-compatible schema registry on loopback: Apicurio, with its schemas in memory.
 *
 * Needs Java 17 and Maven. Empty after a restart; compatibility is NONE until it is set for a subject.
 */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, maven, untar } from './maven.ts'
import { freePort } from './ports.ts'
import { type Server, type ServerOptions, dataFolder, startServer } from './server.ts'

const VERSION = '2.6.13.Final'

export interface RegistryOptions extends ServerOptions {
  readonly port?: number
}

export interface RegistryServer extends Server {
  /** http://127.0.0.1:<port>/apis/ccompat/v7 */
  readonly url: string
  readonly port: number
}

export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryServer> {
  const folder = await fetchRegistry()
  const port = options.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`
  const dataDir = await dataFolder('registry', options.dataDir)
  const server = await startServer(
    {
      name: 'registry',
      file: 'java',
      args: [
        '-Xmx256m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Djava.net.preferIPv4Stack=true',
        `-Djava.io.tmpdir=${dataDir}`,
        '-Dquarkus.http.host=127.0.0.1',
        `-Dquarkus.http.port=${port}`,
        '-Dquarkus.log.level=WARN',
        '-Dquarkus.management.enabled=false',
        '-jar',
        await runnerJar(folder),
      ],
      ready: async () =>
        await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(2_000) }).then(
          (answer) => answer.ok,
          () => false,
        ),
      startTimeoutMs: 90_000,
    },
    { dataDir, temporary: options.dataDir === undefined, detached: options.detached ?? false },
  )
  return Object.assign(server, { url, port })
}

/** The folder of the registry's program, fetched once. */
export function fetchRegistry(): Promise<string> {
  return cached(`apicurio-${VERSION}`, async (folder) => {
    const artifact = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`
    await maven(['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`], folder)
    await untar(join(folder, `apicurio-registry-app-${VERSION}-all.tar.gz`), folder)
  })
}

async function runnerJar(folder: string): Promise<string> {
  const quarkus = join(folder, 'quarkus-run.jar')
  if (existsSync(quarkus)) return quarkus
  const runner = (await readdir(folder)).find((name) => name.endsWith('-runner.jar'))
  if (runner === undefined) throw new Error(`no runner jar in ${folder}`)
  return join(folder, runner)
}
