/**
 * What a Redis promises about what it acknowledged, read from its own settings.
 *
 * Promise: never guesses. A server that does not show its settings (CONFIG is often forbidden; INFO tells some of it)
 * gives a durability that says so.
 */
import type { RedisConnection } from './redis-connection.ts'
import { isReply } from './redis-failure.ts'

export interface ServerSettings {
  readonly version: string | undefined
  /** `maxmemory-policy`; undefined when the server does not say. */
  readonly evictionPolicy: string | undefined
  /** What an acknowledged append survives, in words. */
  readonly durability: string
  /** What may lose acknowledged events, in words; undefined when nothing known does. */
  readonly warning: string | undefined
}

export async function readSettings(redis: RedisConnection, patienceMs: number): Promise<ServerSettings> {
  const info = await readInfo(redis, patienceMs)
  const setting = async (name: string) => await readSetting(redis, name, patienceMs)
  const evictionPolicy = (await setting('maxmemory-policy')) ?? info.get('maxmemory_policy')
  const appendonly = (await setting('appendonly')) ?? yesNo(info.get('aof_enabled'))
  const fsync = await setting('appendfsync')
  const lazyWhileRewriting = (await setting('no-appendfsync-on-rewrite')) === 'yes'
  const version = info.get('redis_version')

  const { survives, warning } = durabilityOf({ appendonly, fsync, lazyWhileRewriting })
  const unknownPolicy =
    evictionPolicy === undefined
      ? 'the server does not show its maxmemory-policy; anything but noeviction would lose events'
      : undefined
  return {
    version,
    evictionPolicy,
    durability: `Redis${version === undefined ? '' : ` ${version}`}, ${survives}`,
    warning: [warning, unknownPolicy].filter((part) => part !== undefined).join('; ') || undefined,
  }
}

/** In words, from the settings as Redis writes them; undefined for one it does not show. */
export function durabilityOf(settings: {
  readonly appendonly: string | undefined
  readonly fsync: string | undefined
  readonly lazyWhileRewriting: boolean
}): { readonly survives: string; readonly warning: string | undefined } {
  const { appendonly, fsync, lazyWhileRewriting } = settings
  const also = (survives: string) => ({ survives, warning: survives })
  if (appendonly === undefined) {
    return also('which does not show its settings: what an acknowledged append survives is unknown')
  }
  if (appendonly !== 'yes') {
    return also('appendonly no: a crash of the server loses what was acknowledged since its last snapshot')
  }
  switch (fsync) {
    case 'always':
      if (lazyWhileRewriting) {
        return also('appendfsync always, but no-appendfsync-on-rewrite yes: a power cut may lose the last seconds')
      }
      return { survives: 'appendfsync always: an acknowledged append is synced to disk', warning: undefined }
    case 'everysec':
      return also('appendfsync everysec: a power cut may lose about the last second of what was acknowledged')
    case 'no':
      return also('appendfsync no: a power cut loses what the system had not written yet, often the last 30 seconds')
    default:
      return also('appendonly yes, appendfsync not shown: a power cut may lose what was acknowledged last')
  }
}

async function readSetting(redis: RedisConnection, name: string, patienceMs: number): Promise<string | undefined> {
  const reply = await unlessRefused(redis, 'config', ['GET', name], patienceMs)
  const value: unknown = Array.isArray(reply) ? reply[1] : undefined
  return Buffer.isBuffer(value) ? value.toString() : undefined
}

async function readInfo(redis: RedisConnection, patienceMs: number): Promise<Map<string, string>> {
  const reply = await unlessRefused(redis, 'info', [], patienceMs)
  const lines = Buffer.isBuffer(reply) ? reply.toString().split('\r\n') : []
  return new Map(
    lines.flatMap((line) => {
      const at = line.indexOf(':')
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : []
    }),
  )
}

/** A managed Redis may refuse these commands, or not know them. */
async function unlessRefused(
  redis: RedisConnection,
  command: string,
  args: readonly string[],
  patienceMs: number,
): Promise<unknown> {
  try {
    return await redis.ask(command, args, { doing: 'reading its settings', patienceMs })
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (isReply(error) || isReply(cause)) return undefined
    throw error
  }
}

function yesNo(flag: string | undefined): string | undefined {
  if (flag === undefined) return undefined
  return flag === '1' ? 'yes' : 'no'
}
