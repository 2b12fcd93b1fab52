/**
 * One measure in a process of its own: started by `main.ts`, which gets the rows as a message.
 *
 * Promise: the servers it starts and the folder it writes to are gone when it ends.
 */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KafkaServer, startKafka } from '#scripts/services/kafka.ts'
import { startRedis } from '#scripts/services/redis.ts'
import type { Server } from '#scripts/services/server.ts'
import { needs } from '#scripts/test/needs.ts'
import type { Measure, Row } from './row.ts'

export type Outcome =
  | { readonly rows: readonly Row[] }
  /** The file has no `measure`. */
  | { readonly none: true }
  /** Why it cannot be measured on this machine. */
  | { readonly notMeasured: string }
  | { readonly broken: string }

class Missing extends Error {}

/** Only as the program: `main.ts` imports the type alone. */
if (import.meta.main) {
  process.once('disconnect', () => process.exit(1)) // whoever asked is gone
  const [name = '', mode] = process.argv.slice(2)
  const outcome = await outcomeOf(name, mode === '--quick')
  process.send?.(outcome, () => process.exit(0))
}

async function outcomeOf(name: string, quick: boolean): Promise<Outcome> {
  const servers: Server[] = []
  const folder = await mkdtemp(join(tmpdir(), 'lattice-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))
  process.once('SIGTERM', () => process.exit(143))
  process.once('SIGINT', () => process.exit(130))
  let kafka: Promise<KafkaServer> | undefined
  try {
    const { measure } = (await import(`./${name}.ts`)) as { measure?: Measure }
    if (measure === undefined) return { none: true }
    const rows = await measure({
      quick,
      folder,
      async redis(options = {}) {
        want('redis')
        const server = await startRedis(options)
        servers.push(server)
        return server
      },
      async kafka() {
        want('kafka')
        kafka ??= startKafka({ compiler: 'full', heapMb: 1024 })
        servers.push(await kafka)
        return await kafka
      },
    })
    return { rows }
  } catch (error) {
    if (error instanceof Missing) return { notMeasured: error.message }
    return { broken: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  } finally {
    for (const server of new Set(servers)) await server.stop()
  }
}

function want(name: 'redis' | 'kafka'): void {
  const missing = needs[name]?.missing()
  if (missing !== undefined) throw new Missing(missing)
}
