import type { Clock } from '#processors/ports/clock.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Delivery, WorkShare } from '#processors/ports/work-share.ts'
import type { Reactor } from './reactor.ts'
import { reactorFailed } from './reactor-failed.ts'

/**
 * Shares a topic's records among the workers of a reactor, `window` at a time in this process.
 *
 * Promise: a reactor that throws is reported, and its record is tried again here after a pause that grows, until the
 * signal aborts; so a fault that passes loses nothing. Ends when the signal aborts and what is under way has settled.
 */
export async function shareTopic(
  reactor: Reactor,
  ports: { workShare: WorkShare; clock: Clock; report: Report },
  options: { window: number; signal: AbortSignal; stopping: AbortSignal },
): Promise<void> {
  const { workShare, clock, report } = ports
  const types = new Set<string>(reactor.on)
  const underWay = new Set<Promise<void>>()
  const group = `${reactor.name}.v${reactor.version}`

  async function handle(delivery: Delivery): Promise<void> {
    for (let tries = 1; !options.stopping.aborted; tries += 1) {
      try {
        if ((await reactor.react(delivery, options.stopping)) === 'done') await delivery.done()
        else if (!options.stopping.aborted) await delivery.release()
        return
      } catch (error) {
        if (options.stopping.aborted) return
        report(reactorFailed(reactor.name, error))
        await clock.sleep(Math.min(250 * 2 ** tries, 30_000), options.stopping)
      }
    }
  }

  const wants = (headers: Delivery['record']['headers']): boolean =>
    types.has(headers['ce_type'] ?? '') && reactor.wants?.(headers) !== false
  for await (const delivery of workShare.take(reactor.topic, group, {
    window: options.window,
    signal: options.signal,
    wants,
  })) {
    const working = handle(delivery).finally(() => underWay.delete(working))
    underWay.add(working)
  }
  await Promise.allSettled(underWay)
}
