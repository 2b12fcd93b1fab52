/**
 * Whoever asks the gateway, in a process of its own: so many at once, each asking again as soon as it was answered.
 *
 * One line of JSON on stdin is a load (`Load`), one line on stdout what came of it (`Loaded`). Anything but a 200 with a
 * whole body, or with `[DONE]` at the end of a stream, breaks the measure.
 */
import { createInterface } from 'node:readline'
import { type Dispatcher, Pool } from 'undici'
import { percentile } from '#scripts/bench/row.ts'
import { endWithOwner } from './child.ts'

export interface Load {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly model: string
  readonly stream: boolean
  readonly atOnce: number
  /** Until this time has passed, or so many have been asked. */
  readonly until: { readonly ms: number } | { readonly requests: number }
}

export interface Loaded {
  readonly perSecond: number
  readonly answered: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Until the first byte of the body. */
  readonly firstP50Ms: number
  readonly firstP99Ms: number
}

const prompt = 'Please say in a few sentences what the weather of a small town by the sea is like in spring. '
const messages = [
  { role: 'system', content: 'You answer briefly, in plain words, and say so when you do not know.' },
  { role: 'user', content: prompt.repeat(5) },
]
const pools = new Map<string, Pool>()

async function carryOut(load: Load): Promise<Loaded> {
  const { origin, pathname } = new URL(load.url)
  const key = `${origin} ${load.atOnce}`
  const pool = pools.get(key) ?? new Pool(origin, { connections: load.atOnce, pipelining: 1 })
  pools.set(key, pool)
  const request = {
    method: 'POST',
    path: pathname,
    headers: { 'content-type': 'application/json', ...load.headers },
    body: JSON.stringify({ model: load.model, messages, stream: load.stream }),
  } as const
  const whole: number[] = []
  const first: number[] = []
  const began = performance.now()
  let left = 'requests' in load.until ? load.until.requests : Infinity
  const endAt = 'ms' in load.until ? began + load.until.ms : Infinity
  const ask = async (): Promise<void> => {
    while (left-- > 0 && performance.now() < endAt) {
      const asked = performance.now()
      first.push((await answered(pool, request, load.stream)) - asked)
      whole.push(performance.now() - asked)
    }
  }
  await Promise.all(Array.from({ length: load.atOnce }, ask))
  const seconds = (performance.now() - began) / 1000
  return {
    perSecond: whole.length / seconds,
    answered: whole.length,
    p50Ms: percentile(whole, 0.5),
    p99Ms: percentile(whole, 0.99),
    firstP50Ms: percentile(first, 0.5),
    firstP99Ms: percentile(first, 0.99),
  }
}

/** When the first byte of the body came. */
function answered(pool: Pool, request: Dispatcher.DispatchOptions, stream: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    let status = 0
    let firstAt = 0
    let tail = ''
    pool.dispatch(request, {
      onRequestStart() {},
      onResponseStart(_, code) {
        status = code
      },
      onResponseData(_, part) {
        if (firstAt === 0) firstAt = performance.now()
        if (stream || status !== 200) tail = (tail + part.toString()).slice(-300)
      },
      onResponseEnd() {
        const good = status === 200 && firstAt > 0 && (!stream || tail.trimEnd().endsWith('[DONE]'))
        if (good) resolve(firstAt)
        else reject(new Error(`answered ${status}: ${tail}`))
      },
      onResponseError: (_, error) => reject(error),
    })
  })
}

if (import.meta.main) {
  createInterface(process.stdin).on('line', (line) => {
    carryOut(JSON.parse(line) as Load).then(
      (loaded) => process.stdout.write(`${JSON.stringify(loaded)}\n`),
      (error: unknown) => process.stdout.write(`${JSON.stringify({ broken: String(error) })}\n`),
    )
  })
  endWithOwner()
}
