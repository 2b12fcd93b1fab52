import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startServing } from '#test/crash/serving-process.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { startChild } from './child.ts'
import type { Child } from './child.ts'
import type { Load, Loaded } from './load-main.ts'

/**
 * The ways a chat may take to the fake model server: direct, by the bare proxy, by ours, by a peer.
 *
 * Promise: each is a process of its own, asked with the same bodies by the same load process, in turns.
 */
export interface Leg {
  readonly name: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Before the model's name. */
  readonly prefix?: string
}

export type Model = 'instant' | 'after-30-ms'

export interface Road {
  /** Of the fake model server. */
  readonly origin: string
  readonly direct: Leg
  readonly bare: Leg
  ask(leg: Leg, load: Pick<Load, 'atOnce' | 'stream' | 'until'> & { readonly model: Model }): Promise<Loaded>
  [Symbol.asyncDispose](): Promise<void>
}

export async function openRoad(): Promise<Road> {
  const upstream = startChild('upstream-main.ts', process.env['LATTICE_BENCH_UPSTREAM_PORT'] ?? '0')
  const origin = await firstLine(upstream, 'the fake model server')
  const proxy = startChild('bare-proxy-main.ts', origin)
  const bare = await firstLine(proxy, 'the bare proxy')
  const load = startChild('load-main.ts')
  const path = '/v1/chat/completions'
  return {
    origin,
    direct: { name: 'direct', url: `${origin}${path}` },
    bare: { name: 'bare', url: `${bare}${path}` },
    async ask({ name, url, headers, prefix = '' }, { model, ...rest }) {
      load.say(JSON.stringify({ url, headers, ...rest, model: `${prefix}${model}` }))
      const line = await load.line()
      const loaded = JSON.parse(line ?? '{"broken":"the load process ended"}') as Loaded | { broken: string }
      if ('broken' in loaded) throw new Error(`${name}: ${loaded.broken}`)
      return loaded
    },
    async [Symbol.asyncDispose]() {
      for (const child of [load, proxy, upstream]) await child[Symbol.asyncDispose]()
    },
  }
}

export interface OurLeg extends Leg {
  readonly serving: ServingProcess
}

/**
 * A whole serving process, as `lattice serve` is; `env` says on which log. `LATTICE_BENCH_NODE_OPTIONS` reaches it alone:
 * `--cpu-prof --cpu-prof-dir=<folder>` leaves a profile.
 */
export async function startOurs(
  name: string,
  given: { readonly origin: string; readonly folder: string; readonly env?: Readonly<Record<string, string>> },
): Promise<OurLeg> {
  const folder = join(given.folder, name)
  await mkdir(folder, { recursive: true })
  const nodeOptions = process.env['LATTICE_BENCH_NODE_OPTIONS']
  const env = {
    OPENAI_BASE_URL: `${given.origin}/v1`,
    OPENAI_API_KEY: 'bench-key-0001',
    LATTICE_LOG_LEVEL: 'warn',
    ...(nodeOptions === undefined ? {} : { NODE_OPTIONS: nodeOptions }),
    ...given.env,
  }
  const serving = await startServing({ folder, env })
  return { name, url: `${serving.url}/v1/chat/completions`, prefix: 'openai/', serving }
}

/**
 * Other gateways that already run and ask the same model server:
 * `LATTICE_BENCH_PEERS='<name>=<url>[;<header>: <value>…],…'`, with `LATTICE_BENCH_UPSTREAM_PORT` for their configuration.
 */
export function peersOf(text = process.env['LATTICE_BENCH_PEERS'] ?? ''): readonly Leg[] {
  return text
    .split(',')
    .filter((one) => one.trim() !== '')
    .map((one) => {
      const [place = '', ...headers] = one.trim().split(';')
      const at = place.indexOf('=')
      return {
        name: place.slice(0, at),
        url: place.slice(at + 1),
        headers: Object.fromEntries(
          headers.map((header) => {
            const colon = header.indexOf(':')
            return [header.slice(0, colon).trim(), header.slice(colon + 1).trim()]
          }),
        ),
      }
    })
}

async function firstLine(child: Child, what: string): Promise<string> {
  const line = await child.line()
  if (line === undefined) throw new Error(`${what} did not start`)
  return line
}
