/**
 * The topics of the log: their names, what keys them, and how many partitions each gets when it is created.
 *
 * Promise: everything of one key is in one partition, in order (R2). A partition count is fixed at creation (R5).
 */
export interface TopicDefinition {
  /** What a record's key is, in words. */
  readonly key: string
  /** 'one' topics have a single partition on every log, because their order is a decision (R12). */
  readonly partitions: 'one' | 'many'
}

export const topics = {
  'runs.v1': { key: 'run id', partitions: 'many' },
  'documents.v1': { key: 'document id', partitions: 'many' },
  'budgets.v1': { key: 'reservation', partitions: 'one' },
  'operations.v1': { key: 'store or provider', partitions: 'one' },
  'dead-letters.v1': { key: 'source position', partitions: 'one' },
} as const satisfies Record<string, TopicDefinition>

export type Topic = keyof typeof topics

export const topicNames = Object.keys(topics) as Topic[]

/** How many partitions a topic gets on a log whose default for 'many' topics is given. */
export function partitionsOf(topic: Topic, many: number): number {
  return topics[topic].partitions === 'one' ? 1 : many
}
