/** How a child process of the contract suites opens the log and the share of a test's space. */
import type { EventLog } from '#processors/ports/event-log.ts'
import type { WorkShare } from '#processors/ports/work-share.ts'
import { openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import { openKafkaWorkShare } from '#infra/kafka/kafka-work-share.ts'

export interface KafkaSpace {
  readonly brokers: readonly string[]
  readonly namespace: string
  readonly partitions: number
}

export async function openEventLog(given: unknown): Promise<EventLog> {
  return await openKafkaEventLog(given as KafkaSpace)
}

export async function openWorkShare(given: unknown): Promise<WorkShare> {
  return await openKafkaWorkShare(given as KafkaSpace)
}
