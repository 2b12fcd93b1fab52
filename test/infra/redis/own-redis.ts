/** A Redis of a test's own, and what tests do to it behind the log's back. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { EventLog } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { Topic } from '#schemas/topics.ts'
import { type RedisOptions, type RedisServer, startRedis } from '#scripts/services/redis.ts'

export interface OwnRedis extends AsyncDisposable {
  readonly server: RedisServer
  readonly url: string
  /** A plain client beside the log. */
  readonly admin: Redis
  /** A copy of its data as it is now, to be put back later. */
  backup(): Promise<{ restore(): Promise<void> }>
}

export async function ownRedis(options: RedisOptions = {}): Promise<OwnRedis> {
  const server = await startRedis({ fsync: 'always', ...options })
  const admin = new Redis(server.url)
  admin.on('error', () => {})
  const copies: string[] = []

  async function backup(): Promise<{ restore(): Promise<void> }> {
    const copy = await mkdtemp(join(tmpdir(), 'lattice-redis-copy-'))
    copies.push(copy)
    const data = 'appendonlydir'
    await cp(join(server.dataDir, data), join(copy, data), { recursive: true })
    return {
      async restore() {
        await server.kill()
        await rm(join(server.dataDir, data), { recursive: true })
        await cp(join(copy, data), join(server.dataDir, data), { recursive: true })
        await server.restart()
      },
    }
  }

  return {
    server,
    url: server.url,
    admin,
    backup,
    async [Symbol.asyncDispose]() {
      admin.disconnect()
      await server.stop()
      for (const copy of copies) await rm(copy, { recursive: true, force: true })
    },
  }
}

export function streamOf(log: EventLog, topic: Topic, partition = 0): string {
  return `lattice:{${log.id}:${topic}:${partition}}`
}

/** The code a promise fails with; '' when it does not. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return ''
  } catch (error) {
    if (isFailure(error)) return error.code
    throw error
  }
}
