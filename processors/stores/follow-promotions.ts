import { decodeRecords } from '#processors/journal/read.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { Report } from '#processors/ports/report.ts'
import type { StoreBuilds } from '#processors/ports/store-builds.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import type { LiveStore } from './live-store.ts'

/**
 * Switches the stores of this process to the builds that somebody promotes (R7).
 *
 * Promise: one switch at a time, in the order of the events; what cannot be switched is reported, and the store goes on
 * as it is. A promotion made while the process was starting is found too, because the pointer is looked at once the
 * events are followed.
 */
export async function followPromotions(
  ports: {
    readonly log: EventLog
    readonly codec: Codec
    readonly builds: StoreBuilds
    readonly owned: readonly LiveStore[]
    readonly report: Report
  },
  signal: AbortSignal,
): Promise<void> {
  const { log, codec, builds, owned, report } = ports
  const { topic, partition } = { topic: 'operations.v1', partition: 0 } as const
  const [bounds] = await log.bounds(topic)
  for (const store of owned) await follow(store)

  for await (const batch of log.read({ topic, partition, offset: bounds?.next ?? 0 }, { follow: true, signal })) {
    const events = await decodeRecords(codec, batch, { topic, partition, wants: (type) => type === 'store.promoted' })
    for (const event of events) {
      if ('bad' in event || event.type !== 'store.promoted') continue
      const store = owned.find(({ name }) => name === event.data.store)
      if (store !== undefined) await follow(store)
    }
  }

  /** To the build the pointer names: the last promotion counts, however many came while one was under way. */
  async function follow(store: LiveStore): Promise<void> {
    const build = builds.current(store.name)
    const { build: now, version } = store.status()
    if (build === undefined || build.id === now) return
    try {
      if (build.version !== version) throw new Error(`it is of version ${build.version}; this program folds ${version}`)
      await store.switchTo(build)
      report({ signal: 'notice', message: `store ${store.name} answers from build ${build.id} now` })
    } catch (error) {
      const message = `store ${store.name} stays as it is, build ${build.id} can't be opened: ${String(error)}`
      report({ signal: 'reactor.failed', reactor: 'follow-promotions', code: 'store.unknown', message })
    }
  }
}
