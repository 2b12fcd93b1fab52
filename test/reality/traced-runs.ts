/**
 * A really serving process that sends its traces somewhere, and tasks whose runs take every way an attempt can end: one
 * that fails, one whose answer is rejected, and one that is accepted.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '#test/contracts/eventually.ts'
import { type ServingProcess, startServing } from '#test/crash/serving-process.ts'
import { type FakeOpenAi, startFakeOpenAi } from '#test/fakes/openai-server.ts'

export interface TracedRuns {
  readonly models: FakeOpenAi
  readonly serving: ServingProcess
  /** Starts the process again on the same data, with the same settings. */
  restart(signal: NodeJS.Signals): Promise<void>
  /** Runs a task to its end: attempt 1 gets a 503, attempt 2 answers no JSON, attempt 3 does. */
  run(headers?: Readonly<Record<string, string>>): Promise<TracedRun>
  close(): Promise<void>
}

export interface TracedRun {
  readonly runId: string
  /** The span ids on its attempts' events, in order. */
  readonly spanIds: readonly string[]
}

export async function startTracedRuns(env: Readonly<Record<string, string>>): Promise<TracedRuns> {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-traced-'))
  writeFileSync(join(folder, 'README.md'), '# Widgets\n\nWidgets are sorted by colour, and by nothing else.\n')
  const models = await startFakeOpenAi({ answer: secondThoughts })
  const settings = { LATTICE_BASE_URL: models.url, LATTICE_MODEL: 'small', ...env }
  let serving = await startServing({ folder, env: settings })

  async function run(headers: Readonly<Record<string, string>> = {}): Promise<TracedRun> {
    models.script({ fault: 'status', status: 503 })
    const body = JSON.stringify({
      prompt: 'How are widgets sorted? As JSON.',
      validator: 'json',
      tags: { team: 'blue' },
    })
    const response = await fetch(`${serving.url}/v1/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
    const { runId } = (await response.json()) as { runId: string }
    type Told = { readonly type: string; readonly data: { readonly spanId?: string } }
    const events = await eventually('the run has ended', async () => {
      const told = (await (await fetch(`${serving.url}/v1/runs/${runId}/events`)).json()) as { events?: Told[] }
      return told.events?.at(-1)?.type === 'run.completed' ? told.events : undefined
    })
    return { runId, spanIds: events.flatMap(({ data: { spanId } }) => (spanId === undefined ? [] : [spanId])) }
  }

  return {
    models,
    get serving() {
      return serving
    },
    run,
    async restart(signal) {
      await serving.kill(signal)
      serving = await startServing({ folder, env: settings })
    },
    async close() {
      await serving.kill('SIGTERM')
      await models.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** JSON once it is told that its first answer was none. */
function secondThoughts({ messages }: { readonly messages?: unknown }): string {
  return JSON.stringify(messages).includes('not accepted') ? '{"sorted":"by colour"}' : 'by colour'
}
