/**
 * `npm run services -- start|stop|status [<name>|all]`: the real servers, by hand, for a developer.
 *
 * They run on loopback with fixed ports (Redis 6390, Kafka 9392 and 9393, registry 8391), keep their data under
 * `.services/<name>/`, and outlive this command until `stop`. `redis-secured` and `kafka-secured` are encrypted and ask
 * for a user; they are started where they are named, not by `all`.
 */
import { join } from 'node:path'
import { startKafka } from './kafka.ts'
import { accepts } from './ports.ts'
import { startRedis } from './redis.ts'
import { startRegistry } from './registry.ts'
import { pidInFolder, stopInFolder } from './server.ts'

const folder = (name: string) => join(import.meta.dirname, '..', '..', '.services', name)
const registrySuffix = '/apis/ccompat/v7'

interface Service {
  readonly port: number
  /** What to set to use it. */
  readonly setting: string
  readonly start: () => Promise<unknown>
  /** Started only where it is named. */
  readonly apart?: true
}

/** Of servers that only this machine can reach. */
const account = { user: 'lattice', password: 'loopback-only' }
const trusting = (name: string) => `NODE_EXTRA_CA_CERTS=${join(folder(name), 'certificates', 'authority.pem')}`
const { user, password } = account

const services: Readonly<Record<string, Service>> = {
  redis: {
    port: 6390,
    setting: 'LATTICE_LOG=redis://127.0.0.1:6390',
    start: () => startRedis({ port: 6390, dataDir: folder('redis'), fsync: 'always', detached: true }),
  },
  kafka: {
    port: 9392,
    setting: 'LATTICE_LOG=kafka://127.0.0.1:9392',
    start: () =>
      startKafka({ port: 9392, controllerPort: 9393, dataDir: folder('kafka'), compiler: 'full', detached: true }),
  },
  registry: {
    port: 8391,
    setting: `LATTICE_SCHEMA_REGISTRY=http://127.0.0.1:8391${registrySuffix}`,
    start: () => startRegistry({ port: 8391, dataDir: folder('registry'), detached: true }),
  },
  'redis-secured': {
    port: 6391,
    setting: `LATTICE_LOG=rediss://${user}:${password}@127.0.0.1:6392 ${trusting('redis-secured')}`,
    start: () =>
      startRedis({ port: 6391, securedPort: 6392, dataDir: folder('redis-secured'), account, detached: true }),
    apart: true,
  },
  'kafka-secured': {
    port: 9394,
    setting: `LATTICE_LOG=kafka+ssl://${user}:${password}@127.0.0.1:9396 ${trusting('kafka-secured')}`,
    start: () =>
      startKafka({
        port: 9394,
        controllerPort: 9395,
        securedPorts: { saslTls: 9396, tls: 9397, sasl: 9398 },
        dataDir: folder('kafka-secured'),
        account,
        detached: true,
      }),
    apart: true,
  },
}

async function start(name: string, service: Service): Promise<void> {
  const pid = await pidInFolder(folder(name))
  if (pid !== undefined) return console.log(`${name} runs already, pid ${pid}: ${service.setting}`)
  if (await accepts(service.port)) throw new Error(`port ${service.port} is taken by something else; ${name} needs it`)
  await service.start()
  console.log(`${name} runs, pid ${await pidInFolder(folder(name))}: ${service.setting}`)
}

async function stop(name: string): Promise<void> {
  console.log((await stopInFolder(folder(name))) ? `${name} stopped` : `${name} did not run`)
}

async function status(name: string, service: Service): Promise<void> {
  const pid = await pidInFolder(folder(name))
  console.log(pid === undefined ? `${name} does not run` : `${name} runs, pid ${pid}: ${service.setting}`)
}

const verbs: Readonly<Record<string, (name: string, service: Service) => Promise<void>>> = { start, stop, status }
const [verb = '', which = 'all'] = process.argv.slice(2)
const act = verbs[verb]
const chosen = Object.entries(services).filter(
  ([name, { apart }]) => which === name || (which === 'all' && (apart !== true || verb !== 'start')),
)
if (act === undefined || chosen.length === 0) {
  console.error(`usage: npm run services -- start|stop|status [${Object.keys(services).join('|')}|all]`)
  process.exitCode = 2
} else {
  for (const [name, service] of chosen) await act(name, service)
}
