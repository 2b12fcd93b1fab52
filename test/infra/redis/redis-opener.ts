/** How a child process of the contract suites opens the log and the share of a test's space. */
import type { EventLog } from '#processors/ports/event-log.ts'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'

export interface RedisSpace {
  readonly url: string
  readonly namespace: string
  readonly partitions?: number
}

export async function openEventLog(given: unknown): Promise<EventLog> {
  return await openRedisEventLog(given as RedisSpace)
}
