import { openDoor } from '#api/http/door.ts'
import { createHttp } from '#api/http/server.ts'
import { routes } from '#api/routes/routes.ts'
import { Failure } from '#processors/ports/failure.ts'
import { storeNames } from '#processors/catalog.ts'
import type { CliAction, CliContext } from './command.ts'
import { version } from './version.ts'

/**
 * `lattice serve`: API, stores and worker in one process, or some of them by `--role`.
 *
 * Promise: refuses to listen beyond loopback without a token. On SIGTERM it stops taking, finishes or leaves resumable
 * what is under way within 10 s, and exits 0.
 */
const roles = ['api', 'stores', 'worker'] as const
type Role = (typeof roles)[number]
const graceMs = 8_000

export const serve: CliAction = async (context) => {
  const { loaded, print, signal } = context
  const { config } = loaded
  const wanted = rolesOf(context.options['role'])
  const tokens = openDoor(config)
  const prometheus = await context.metrics()
  const stores = wanted.has('stores') ? storeNames : (['lookup', 'search'] as const)
  const opened = await context.open({ role: [...wanted].join('+'), stores, thread: ['folders', 'warehouse'], report: prometheus.report })
  const worker = wanted.has('worker') ? await opened.work() : undefined
  const http = wanted.has('api')
    ? await createHttp(opened, {
        routes,
        version,
        tokens,
        corsOrigins: config.corsOrigins,
        metrics: async () => ({ contentType: prometheus.contentType, body: await prometheus.metrics() }),
      })
    : undefined
  try {
    if (http !== undefined) {
      const address = await http.listen({ host: config.host, port: config.port }).catch((error: NodeJS.ErrnoException) => {
        throw new Failure('settings.invalid', `cannot listen on ${config.host}:${config.port}: ${error.code ?? error.message}`, {
          remedy: 'set LATTICE_PORT to a free port, or stop what listens there',
        })
      })
      print.note(`api     ${address}/v1`)
      print.note(`docs    ${address}/docs`)
    }
    const { log } = opened.lattice.given
    print.note(`log     ${log.backend} ${log.id} (${log.durability})`)
    print.note(`stores  ${opened.lattice.owned.map(({ name }) => name).join(', ') || 'owned by another process'}`)
    if (worker !== undefined) print.note('worker  taking tasks')
    if (wanted.has('worker') && config.useRag) void ingest(context, opened)
    const failure = await Promise.race([aborted(signal), opened.lattice.broken])
    if (failure instanceof Failure) print.error(failure.message, failure.remedy)
    return failure instanceof Failure ? 3 : 0
  } finally {
    await http?.close()
    await worker?.stop(graceMs)
    await opened.close()
  }
}

async function ingest({ loaded: { config }, print }: CliContext, { tasks, lattice }: Awaited<ReturnType<CliContext['open']>>): Promise<void> {
  try {
    const { ingested } = await tasks.ingest(lattice.given.settings.folder, config.ragMaxIngest)
    if (ingested > 0) print.note(`corpus  ${ingested} documents ingested`)
  } catch (error) {
    print.error(`the folder's documents were not ingested: ${(error as Error).message}`)
  }
}

function rolesOf(given: string | boolean | undefined): ReadonlySet<Role> {
  if (typeof given !== 'string') return new Set(roles)
  const names = given.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !roles.some((role) => role === name))
  if (unknown !== undefined) throw new Failure('settings.invalid', `there is no role ${unknown}; there are: ${roles.join(', ')}`)
  return new Set(names as Role[])
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
