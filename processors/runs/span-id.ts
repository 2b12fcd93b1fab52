import { sha256 } from '#schemas/ids.ts'

/**
 * Id of the OpenTelemetry span of a part of a run: 16 hex digits, never all zero.
 *
 * Promise: the same part of the same run has the same id, so that spans made twice are the same span.
 */
export function spanIdOf(runId: string, part: number | string): string {
  const id = sha256(`span ${runId} ${part}`).slice(0, 16)
  return /^0+$/.test(id) ? '0000000000000001' : id
}
