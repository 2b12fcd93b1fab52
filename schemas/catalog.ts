import type { Topic } from './topics.ts'

/**
 * Every event type, in the order a run meets them: its topic, its newest version, and what keys it.
 *
 * Adding an event is one `.avsc` in its topic's folder and one line here; its TypeScript type, wire form, DuckDB table
 * and Parquet columns follow from the schema. `versions` counts the `.vN.avsc` files, oldest first.
 */
export interface EventDefinition {
  readonly topic: Topic
  /** Folder of its `.avsc` files in this room. */
  readonly folder: string
  readonly versions: number
  /** Whether it advances a run's hash chain (R1), only takes effect on it, or has none. */
  readonly chain: 'link' | 'control' | 'none'
}

const run = { topic: 'runs.v1', folder: 'runs', versions: 1, chain: 'link' } as const
const control = { ...run, chain: 'control' } as const
const document = { topic: 'documents.v1', folder: 'documents', versions: 1, chain: 'none' } as const
const budget = { topic: 'budgets.v1', folder: 'budgets', versions: 1, chain: 'none' } as const
const operation = { topic: 'operations.v1', folder: 'operations', versions: 1, chain: 'none' } as const
const letter = { topic: 'dead-letters.v1', folder: 'dead-letters', versions: 1, chain: 'none' } as const

export const catalog = {
  'task.submitted': run,
  'task.cancelled': control,
  'run.started': run,
  'run.resumed': run,
  'retrieval.completed': run,
  'attempt.started': run,
  'attempt.completed': run,
  'attempt.failed': run,
  'verdict.reached': run,
  'run.waited': run,
  'run.expired': run,
  'run.completed': run,
  'document.ingested': document,
  'document.removed': document,
  'budget.reserved': budget,
  'budget.settled': budget,
  'provider.opened': operation,
  'provider.closed': operation,
  'store.promoted': operation,
  'object.erased': operation,
  'record.parked': letter,
  'letter.resubmitted': letter,
  'letter.discarded': letter,
} as const satisfies Record<string, EventDefinition>

export type EventType = keyof typeof catalog

export const eventTypes = Object.keys(catalog) as EventType[]

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(catalog, type)
}
