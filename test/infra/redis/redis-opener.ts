/** How a child process of the contract suites opens the log and the share of a test's space. */
import type { EventLog } from '#processors/ports/event-log.ts'
import type { WorkShare } from '#processors/ports/work-share.ts'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import { openRedisWorkShare } from '#infra/redis/redis-work-share.ts'

export interface RedisSpace {
  readonly url: string
  readonly namespace: string
  readonly partitions?: number
}

export async function openEventLog(given: unknown): Promise<EventLog> {
  return await openRedisEventLog(given as RedisSpace)
}

export async function openWorkShare(given: unknown): Promise<WorkShare> {
  return await openRedisWorkShare(given as RedisSpace)
}
