/** Placeholder while the log is tested. */
import type { WorkShare } from '#processors/ports/work-share.ts'

export async function openKafkaWorkShare(options: object): Promise<WorkShare> {
  throw new Error(`not yet ${Object.keys(options).join()}`)
}
