import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { addAbortSignal } from 'node:stream'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { Signal } from '#processors/ports/report.ts'
import { getRun } from '#processors/runs/runs.query.ts'
import type { Opened } from '#api/opened.ts'
import type { CliAction, CliContext } from './command.ts'
import { counted } from './counted.ts'
import { outcomeText } from './outcome.ts'
import { folderReached } from './run-log.ts'

/**
 * `lattice run`: one task, carried out in this process, on the log all the same.
 *
 * Promise: the answer alone is on stdout; notes, progress and paths are on stderr. A provider that is configured and
 * fails makes the run fail, by name and reason; it never falls silently to the built-in model. An interrupt cancels the
 * run, so that it is closed on the log.
 */
export const run: CliAction = async (context) => {
  const { loaded, print, signal } = context
  const { config } = loaded
  const request = await requestOf(context)
  if (request.prompt.trim() === '') throw new Failure('request.invalid', 'the prompt is empty')
  const opened = await context.open({
    role: 'run',
    stores: ['search', 'lookup', 'folders'],
    quiet: true,
    report: (one) => noteSignal(one, print.note),
  })
  try {
    const { validators } = opened.tasks
    if (request.validator !== undefined && !validators.includes(request.validator)) {
      const known = validators.join(', ')
      throw new Failure('request.invalid', `there is no validator ${request.validator}; there are: ${known}`)
    }
    if (config.useRag) await ingest(opened, config.ragMaxIngest, print.note)
    if (request.model === undefined && (await opened.tasks.route()).standsIn) print.note(standInNotice)
    if (signal.aborted) return 130
    const submitted = await opened.tasks.submit(request, { principal: 'local', interactive: true })
    const carried = await opened.tasks.carryOutNow(submitted, cancelledBy(signal, opened, submitted.runId))
    if (carried.is === 'done') return await show(context, opened, submitted.runId, carried.position)
    print.error(`run ${submitted.runId} was ${carried.is} here before it ended`)
    return signal.aborted ? 130 : 3
  } finally {
    await opened.close()
  }
}

const standInNotice =
  'No model provider is configured and no local server answers, so the built-in lattice/extract model quotes the best passages. ' +
  'For written answers set GROQ_API_KEY, GEMINI_API_KEY or OPENAI_API_KEY, or start LM Studio or Ollama.'

type TaskRequest = Parameters<Opened['tasks']['submit']>[0]

async function requestOf({ arguments: [prompt = ''], options, signal }: CliContext): Promise<TaskRequest> {
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
  const system = text('system')
  const validator = text('validator')
  const validatorOptions = validatorOptionsOf(text('validatorOptions'))
  // With a provider or an endpoint of its own on the command line it is that one's name, as the settings have it.
  const model = text('provider') === undefined && text('baseUrl') === undefined ? text('model') : undefined
  return {
    prompt: prompt === '-' ? await readStdin(signal) : prompt,
    ...(system === undefined ? {} : { system }),
    ...(validator === undefined ? {} : { validator }),
    ...(validatorOptions === undefined ? {} : { validatorOptions }),
    ...(model === undefined ? {} : { model }),
  }
}

/** Errors: `request.invalid`. */
function validatorOptionsOf(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined
  try {
    const options: unknown = JSON.parse(text)
    if (typeof options === 'object' && options !== null && !Array.isArray(options)) return { ...options }
  } catch {
    // Said below, as of any other text that is no object.
  }
  throw new Failure(
    'request.invalid',
    '--validator-options takes a JSON object, such as {"schema": {"type": "object"}}',
  )
}

const stdinLimitBytes = 32 * 1024 * 1024

async function readStdin(signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of addAbortSignal(signal, process.stdin) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > stdinLimitBytes) {
        throw new Failure('request.too-large', `the prompt on stdin is larger than ${stdinLimitBytes} bytes`)
      }
      chunks.push(chunk)
    }
  } finally {
    process.stdin.destroy()
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function ingest({ tasks, lattice }: Opened, max: number, note: (text: string) => void): Promise<void> {
  const { ingested, skipped, left } = await tasks.ingest(lattice.given.settings.folder, max)
  if (ingested > 0) note(`ingested ${counted(ingested, 'document')} of this folder`)
  for (const { path, reason } of skipped) note(`skipped ${path}: ${reason}`)
  if (left > 0) note(`left out ${counted(left, 'document')} beyond LATTICE_RAG_MAX_INGEST=${max}`)
}

const cancelWithinMs = 5_000

/**
 * An interrupt asks for the run's end on the log, which the one who carries it out sees there. If the log does not take
 * that in time, the run is left as it is: its signal aborts.
 */
function cancelledBy(interrupt: AbortSignal, { tasks }: Opened, runId: string): AbortSignal {
  const leave = new AbortController()
  interrupt.addEventListener(
    'abort',
    () => {
      setTimeout(() => leave.abort(), cancelWithinMs).unref()
      tasks.cancel(runId, { principal: 'local', reason: 'interrupted' }).catch((error: unknown) => {
        if (!isFailure(error, 'run.closed')) leave.abort()
      })
    },
    { once: true },
  )
  return leave.signal
}

const waitMs = 30_000

async function show(context: CliContext, { lattice }: Opened, runId: string, position: Position): Promise<0 | 1 | 130> {
  const { print, options, loaded, signal } = context
  const { stores } = lattice
  const runFolder = join(loaded.config.runsDir, runId)
  const log = join(runFolder, 'run.jsonl')
  const reached = await Promise.all([
    stores.lookup?.reached([position], waitMs),
    folderReached(lattice, { position, log, waitMs }),
  ])
  if (reached.includes(false))
    throw new Failure('position.not-reached', 'the run is on the log, but the stores did not catch up')
  const view = await stores.lookup?.query((tables) => getRun(tables, runId))
  if (view === undefined) throw new Failure('run.unknown', `run ${runId} is not in the store`)
  const answer = view.answer ?? (view.answerSha256 === null ? '' : await openObject(lattice, view.answerSha256))
  if (options['json'] === true) print.json({ ...view, answer, runFolder })
  else if (view.outcome === 'accepted') print.out(answer)
  if (view.outcome !== 'accepted') {
    const { text, remedy } = outcomeText({ ...view, outcome: view.outcome ?? 'in no known way' })
    print.error(text, remedy)
    for (const [line, times] of timesOf(view.attemptList.flatMap(troubleOf))) {
      print.note(`  ${line}${times === 1 ? '' : ` (${times} times)`}`)
    }
  }
  print.note(`run id    ${runId}`)
  const artifact = join(runFolder, 'artifacts', 'output.txt')
  if (existsSync(artifact)) print.note(`artifact  ${artifact}`)
  print.note(`log       ${log}`)
  if (view.outcome === 'accepted') return 0
  return signal.aborted ? 130 : 1
}

type Position = Awaited<ReturnType<Opened['tasks']['cancel']>>['position']

type RunView = NonNullable<ReturnType<typeof getRun>>

/** What went wrong in an attempt: the call, or what its validator found. */
function troubleOf({ provider, model, code, message, passed, findings }: RunView['attemptList'][number]): string[] {
  if (message !== null) return [`${provider} ${model}: ${code}: ${message}`]
  if (passed !== false) return []
  const found = (findings as readonly { readonly message: string; readonly path?: string | null }[]).map(
    ({ message: what, path }) => (path === undefined || path === null ? what : `${path}: ${what}`),
  )
  return [`${provider} ${model}: not accepted: ${found.join('; ')}`]
}

function timesOf(lines: readonly string[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const line of lines) times.set(line, (times.get(line) ?? 0) + 1)
  return times
}

async function openObject({ given }: Opened['lattice'], sha256: string): Promise<string> {
  return Buffer.from(await given.objects.get(sha256)).toString('utf8')
}

function noteSignal(signal: Signal, note: (text: string) => void): void {
  if (signal.signal === 'attempt.finished' && signal.outcome === 'failed') {
    note(`${signal.provider} ${signal.model}: ${signal.code ?? 'failed'}`)
  }
}
