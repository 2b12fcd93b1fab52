/**
 * Memory of a serving process over 200,000 chats: what is still reachable after a full collection, again and again.
 *
 * The slope is that of a straight line through the samples after the first fifth, in which caches fill; the process is
 * asked to collect and to say (`gateway/say-memory.js`), so that rubbish is not taken for a leak.
 */
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRoad, startOurs } from './gateway/legs.ts'
import type { OurLeg } from './gateway/legs.ts'
import type { Measure } from './row.ts'

interface Sample {
  readonly requests: number
  readonly heapMb: number
  readonly residentMb: number
}

const samples = 20

export const measure: Measure = async ({ quick, folder }) => {
  const requests = quick ? 2_000 : 200_000
  await using road = await openRoad()
  const sayMemory = pathToFileURL(join(import.meta.dirname, 'gateway/say-memory.js')).href
  const env = { NODE_OPTIONS: `--expose-gc --import ${sayMemory}` }
  const ours = await startOurs('memory', { ...road, folder, env })
  try {
    const seen: Sample[] = []
    for (let part = 1; part <= samples; part += 1) {
      const until = { requests: requests / samples }
      await road.ask(ours, { model: 'instant', stream: part % 4 === 0, atOnce: 16, until })
      seen.push({ requests: part * until.requests, ...(await memory(ours)) })
    }
    const settled = seen.slice(samples / 5)
    const [first, last] = [settled[0], settled.at(-1)]
    const slope = slopeOf(settled) * 100_000
    const note =
      `heap ${first?.heapMb.toFixed(1)} → ${last?.heapMb.toFixed(1)} MB after full collections, ` +
      `resident ${first?.residentMb.toFixed(0)} → ${last?.residentMb.toFixed(0)} MB; ` +
      `${requests.toLocaleString('en')} chats, a quarter streamed`
    const target = { atMost: 2 } as const
    return [
      {
        figure: 'gateway-memory heap slope',
        unit: 'MB per 100,000 chats',
        ours: slope,
        ...(quick ? {} : { target }),
        note,
      },
    ]
  } finally {
    await ours.serving.kill('SIGTERM')
  }
}

/** The least of a few looks: what the stores still fold after the last answer, and what is on its way, is no leak. */
async function memory(ours: OurLeg): Promise<Omit<Sample, 'requests'>> {
  let least = { heapMb: Infinity, residentMb: Infinity }
  for (let look = 0; look < looks; look += 1) {
    await sleep(500)
    const now = await memoryNow(ours)
    if (now.heapMb < least.heapMb) least = now
  }
  return least
}

const looks = 5

async function memoryNow({ serving }: OurLeg): Promise<Omit<Sample, 'requests'>> {
  const said = (): RegExpExecArray[] => [...serving.output().matchAll(/^memory (\d+) (\d+)$/gm)]
  const before = said().length
  serving.child.kill('SIGUSR2')
  for (;;) {
    const now = said()[before]
    if (now !== undefined) return { heapMb: Number(now[1]) / 2 ** 20, residentMb: Number(now[2]) / 2 ** 20 }
    if (serving.child.exitCode !== null) throw new Error(`the serving process ended:\n${serving.output()}`)
    await sleep(20)
  }
}

/** Least squares: MB a request. */
function slopeOf(seen: readonly Sample[]): number {
  const mean = (of: (one: Sample) => number): number => seen.reduce((sum, one) => sum + of(one), 0) / seen.length
  const [x, y] = [mean(({ requests }) => requests), mean(({ heapMb }) => heapMb)]
  const along = seen.reduce((sum, one) => sum + (one.requests - x) * (one.heapMb - y), 0)
  return along / seen.reduce((sum, one) => sum + (one.requests - x) ** 2, 0)
}
