import { openDoor } from '#api/http/door.ts'
import { createHttp } from '#api/http/server.ts'
import { routes } from '#api/routes/routes.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Opened } from '#api/opened.ts'
import type { CliAction, CliContext } from './command.ts'
import { counted } from './counted.ts'
import { baseOf } from './owner.ts'
import { recordServing } from './serving-address.ts'
import { version } from './version.ts'

/**
 * `lattice serve`: API, stores and worker in one process, or some of them by `--role`.
 *
 * Promise: refuses to listen beyond loopback without a token. On SIGTERM it stops taking, finishes or leaves resumable
 * what is under way within 10 s, and exits 0. `/ready` is true once log, stores and worker are up, and no more once it stops;
 * where it listens stands beside its lock, for the commands on the same data folder.
 */
const roles = ['api', 'stores', 'worker'] as const
type Role = (typeof roles)[number]
const graceMs = 7_000
const closeWithinMs = 10_000

export const serve: CliAction = async (context) => {
  const { loaded, print, signal } = context
  const { config } = loaded
  const wanted = rolesOf(context.options['role'])
  const tokens = openDoor({ ...config, tokensFile: await context.tokensFile() })
  const prometheus = await context.metrics()
  const stores = wanted.has('stores') ? 'all' : (['lookup', 'search'] as const)
  const opened = await context.open({
    role: [...wanted].join('+'),
    stores,
    stays: true,
    thread: ['folders', 'warehouse'],
    report: prometheus.report,
  })
  let worker: Awaited<ReturnType<typeof opened.work>> | undefined
  let http: Awaited<ReturnType<typeof createHttp>> | undefined
  let ingesting: Promise<void> | undefined
  let started = false
  let exit: 0 | 1 | 3 = 1
  let unrecord = (): void => {}
  try {
    if (wanted.has('api')) {
      http = await createHttp(opened, {
        routes,
        version,
        tokens,
        corsOrigins: config.corsOrigins,
        started: () => started,
        metrics: async () => ({ contentType: prometheus.contentType, body: await prometheus.metrics() }),
      })
      const address = await listen(http, config)
      // Not the address of the settings: port 0 takes a free one.
      const port = Number(new URL(address).port)
      unrecord = recordServing(config.data, opened.lattice, baseOf(config.host, port))
      print.note(`api     ${address}/v1`)
      print.note(`docs    ${address}/docs`)
    }
    worker = wanted.has('worker') ? await opened.work() : undefined
    started = true
    const { log } = opened.lattice.given
    print.note(`log     ${log.backend} ${log.id} (${log.durability})`)
    print.note(`stores  ${opened.lattice.owned.map(({ name }) => name).join(', ') || 'owned by another process'}`)
    if (worker !== undefined) print.note('worker  taking tasks')
    if (wanted.has('worker') && config.useRag) ingesting = ingest(context, opened)
    const failure = await Promise.race([aborted(signal), opened.lattice.broken])
    if (failure instanceof Failure) print.error(failure.message, failure.remedy)
    exit = failure instanceof Failure ? 3 : 0
    return exit
  } finally {
    // Whatever does not close in time can be resumed: everything acknowledged is on the log.
    setTimeout(() => process.exit(exit), closeWithinMs).unref()
    started = false
    unrecord()
    await http?.close()
    await worker?.stop(graceMs)
    await opened.close()
    await ingesting
  }
}

type Config = CliContext['loaded']['config']

function listen(http: Awaited<ReturnType<typeof createHttp>>, { host, port }: Config): Promise<string> {
  return http.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
    throw new Failure('settings.invalid', `cannot listen on ${host}:${port}: ${error.code ?? error.message}`, {
      remedy: 'set LATTICE_PORT to a free port, or stop what listens there',
    })
  })
}

async function ingest({ loaded: { config }, print, signal }: CliContext, { tasks, lattice }: Opened): Promise<void> {
  try {
    const { ingested, left } = await tasks.ingest(lattice.given.settings.folder, config.ragMaxIngest)
    if (ingested > 0) print.note(`corpus  ${counted(ingested, 'document')} ingested`)
    if (left > 0)
      print.note(`corpus  ${counted(left, 'document')} left out beyond LATTICE_RAG_MAX_INGEST=${config.ragMaxIngest}`)
  } catch (error) {
    if (!signal.aborted) print.error(`the folder's documents were not ingested: ${(error as Error).message}`)
  }
}

function rolesOf(given: string | boolean | undefined): ReadonlySet<Role> {
  if (typeof given !== 'string') return new Set(roles)
  const names = given.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !roles.some((role) => role === name))
  if (unknown !== undefined)
    throw new Failure('settings.invalid', `there is no role ${unknown}; there are: ${roles.join(', ')}`)
  return new Set(names as Role[])
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
