/**
 * Where a record stands in a log, and the token a writer hands to a reader.
 *
 * Promise: offsets of a partition are contiguous from its first one, so a hole can be proved (R5, R11).
 * A token is a list, `logId/topic:partition:offset,…`, inclusive: "everything up to and with these records".
 */
export interface Position {
  readonly topic: string
  readonly partition: number
  /** Zero-based, contiguous within the partition. A safe integer. */
  readonly offset: number
}

export interface PositionToken {
  readonly logId: string
  readonly positions: readonly Position[]
}

export function formatToken(logId: string, positions: readonly Position[]): string {
  return `${logId}/${latestOfEach(positions)
    .map((at) => `${at.topic}:${at.partition}:${at.offset}`)
    .join(',')}`
}

/** Reads a token; undefined when it is not one. */
export function parseToken(token: string): PositionToken | undefined {
  const [, logId, list] = /^([A-Za-z0-9_-]{1,64})\/([a-z0-9.:,_-]+)$/i.exec(token) ?? []
  if (logId === undefined || list === undefined) return undefined
  const positions: Position[] = []
  for (const part of list.split(',')) {
    const [, topic, partition, offset] = /^([a-z0-9._-]+):(\d{1,9}):(\d{1,15})$/i.exec(part) ?? []
    if (topic === undefined) return undefined
    positions.push({ topic, partition: Number(partition), offset: Number(offset) })
  }
  return { logId, positions }
}

function latestOfEach(positions: readonly Position[]): Position[] {
  const latest = new Map<string, Position>()
  for (const at of positions) {
    const partition = `${at.topic}:${at.partition}`
    const known = latest.get(partition)
    if (known === undefined || known.offset < at.offset) latest.set(partition, at)
  }
  return [...latest.values()].sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition)
}
