/**
 * The broker's error codes that matter here, and what each says about a request.
 *
 * Source: https://kafka.apache.org/protocol#protocol_error_codes
 */
const names: Readonly<Record<number, string>> = {
  [-1]: 'UNKNOWN_SERVER_ERROR',
  1: 'OFFSET_OUT_OF_RANGE',
  2: 'CORRUPT_MESSAGE',
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_OR_FOLLOWER',
  7: 'REQUEST_TIMED_OUT',
  8: 'BROKER_NOT_AVAILABLE',
  9: 'REPLICA_NOT_AVAILABLE',
  10: 'MESSAGE_TOO_LARGE',
  13: 'NETWORK_EXCEPTION',
  18: 'RECORD_LIST_TOO_LARGE',
  19: 'NOT_ENOUGH_REPLICAS',
  20: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  31: 'CLUSTER_AUTHORIZATION_FAILED',
  45: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  46: 'DUPLICATE_SEQUENCE_NUMBER',
  47: 'INVALID_PRODUCER_EPOCH',
  56: 'KAFKA_STORAGE_ERROR',
  59: 'UNKNOWN_PRODUCER_ID',
  74: 'FENCED_LEADER_EPOCH',
  75: 'UNKNOWN_LEADER_EPOCH',
  78: 'OFFSET_NOT_AVAILABLE',
  87: 'INVALID_RECORD',
  89: 'THROTTLING_QUOTA_EXCEEDED',
  90: 'PRODUCER_FENCED',
  100: 'UNKNOWN_TOPIC_ID',
  103: 'INCONSISTENT_TOPIC_ID',
}

export const code = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopic: 3,
  messageTooLarge: 10,
  recordListTooLarge: 18,
  topicAuthorization: 29,
  clusterAuthorization: 31,
  duplicateSequence: 46,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const

export function nameOf(errorCode: number): string {
  return names[errorCode] ?? `error ${errorCode}`
}

/** What a broker's answer to a produce request says about the records of one partition. */
export type ProduceVerdict =
  | 'written'
  | 'retry-unwritten' // refused before the log was touched: ask again
  | 'retry-unknown' // may stand in the log: ask again, with the same sequence
  | 'too-large'
  | 'refused' // never to be written this way

export function verdictOf(errorCode: number): ProduceVerdict {
  if (errorCode === code.none) return 'written'
  if (errorCode === code.messageTooLarge || errorCode === code.recordListTooLarge) return 'too-large'
  if (unwritten.has(errorCode)) return 'retry-unwritten'
  if (unknown.has(errorCode)) return 'retry-unknown'
  return 'refused'
}

const unwritten: ReadonlySet<number> = new Set([2, 3, 5, 6, 8, 9, 19, 74, 75, 89, 100, 103])
const unknown: ReadonlySet<number> = new Set([-1, 7, 13, 20, 56])

/** Codes of a read that end by themselves: a leader moves, a broker starts. */
export function isPassing(errorCode: number): boolean {
  return passing.has(errorCode)
}

const passing: ReadonlySet<number> = new Set([-1, 2, 3, 5, 6, 7, 8, 9, 13, 56, 74, 75, 78, 89, 100, 103])
