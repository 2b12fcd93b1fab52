import { isFailure } from '#processors/ports/failure.ts'
import { modelWarnings } from '#processors/models/model-warnings.query.ts'
import type { Opened } from '#api/opened.ts'
import type { CliAction, CliContext } from './command.ts'

/**
 * `lattice doctor`: what is configured, what answers, what is missing and how to mend it.
 *
 * Promise: writes nothing to the log and calls no model; secrets are shown as set, never whole. Exit code 1 when
 * something that is needed does not answer.
 */
export interface Finding {
  readonly what: string
  readonly state: 'ok' | 'missing' | 'broken'
  readonly detail: string
  readonly remedy?: string
}

export const doctor: CliAction = async (context) => {
  const findings = await examine(context)
  if (context.options['json'] === true) context.print.json({ findings, settings: await context.settings() })
  else {
    show(context, findings)
    if (context.options['settings'] === true) await showSettings(context)
  }
  return findings.some(({ state }) => state === 'broken') ? 1 : 0
}

export async function examine(context: CliContext): Promise<Finding[]> {
  const findings: Finding[] = [
    { what: 'runtime', state: 'ok', detail: `node ${process.versions.node}` },
    ...context.loaded.unknownVariables.map((name) => ({
      what: name,
      state: 'missing' as const,
      detail: 'no setting is called that',
      remedy: 'lattice doctor --settings shows all',
    })),
  ]
  let opened: Opened | undefined
  try {
    opened = await context.open({ role: 'doctor', stores: [], readOnly: 'all', quiet: true })
    findings.push(...(await ofLog(opened)), ...(await ofModels(opened)), ...ofStores(opened))
  } catch (error) {
    if (!isFailure(error)) throw error
    findings.push({ what: 'log', state: 'broken', detail: error.message, remedy: error.remedy })
  } finally {
    await opened?.close()
  }
  return findings
}

async function ofLog({ lattice }: Opened): Promise<Finding[]> {
  const { log } = lattice.given
  const bounds = await log.bounds('runs.v1')
  const records = bounds.reduce((sum, { first, next }) => sum + next - first, 0)
  return [
    {
      what: 'log',
      state: 'ok',
      detail: `${log.backend} ${log.id}: ${records} records of runs in ${bounds.length} partitions`,
    },
    { what: 'durability', state: 'ok', detail: log.durability },
  ]
}

async function ofModels({ lattice, tasks }: Opened): Promise<Finding[]> {
  const { chain, probeLocal } = lattice.given.models
  const answering = await probeLocal()
  const findings: Finding[] = chain.order.map((name) => {
    const provider = chain.providers.get(name)
    if (provider?.state === 'ready')
      return {
        what: `provider ${name}`,
        state: 'ok',
        detail: `configured and not asked, model ${provider.model ?? provider.defaultModel}`,
      }
    const models = answering.get(name)
    if (models !== undefined)
      return { what: `provider ${name}`, state: 'ok', detail: `answers, ${models.length} models` }
    return {
      what: `provider ${name}`,
      state: 'missing',
      detail: provider?.missing === '' ? 'no local server answers' : (provider?.missing ?? 'unknown'),
    }
  })
  const { choices, standsIn } = await tasks.route()
  const asked = choices.map(({ provider, model }) => `${provider}/${model}`).join(' → ')
  return [
    ...findings,
    {
      what: 'models',
      state: standsIn ? 'missing' : 'ok',
      detail: `a task asks ${asked}`,
      ...(standsIn
        ? { remedy: 'set GROQ_API_KEY, GEMINI_API_KEY or OPENAI_API_KEY, or start LM Studio or Ollama' }
        : {}),
    },
    ...modelWarnings(lattice.given.models).map((warning) => ({ state: 'missing' as const, ...warning })),
  ]
}

function ofStores({ lattice }: Opened): Finding[] {
  const { builds, locks } = lattice.given
  return Object.keys(lattice.definitions).map((name) => {
    const build = builds.current(name)
    const owner = locks.isHeld(`store-${name}`) ? 'folded by a running process' : 'nobody folds it now'
    if (build === undefined)
      return { what: `store ${name}`, state: 'missing', detail: 'not built yet; it is when a server starts' }
    return { what: `store ${name}`, state: 'ok', detail: `version ${build.version}, ${owner}` }
  })
}

const signs = { ok: '✓', missing: '–', broken: '✗' } as const

function show({ print }: CliContext, findings: readonly Finding[]): void {
  const width = Math.max(...findings.map(({ what }) => what.length))
  for (const { what, state, detail, remedy } of findings) {
    print.out(`${signs[state]} ${what.padEnd(width)}  ${detail}`)
    if (remedy !== undefined && remedy !== '') print.out(`  ${''.padEnd(width)}  → ${remedy}`)
  }
}

async function showSettings({ print, settings }: CliContext): Promise<void> {
  print.out('')
  print.table(
    (await settings()).map(({ variable, value, origin, doc }) => ({
      variable,
      value: Array.isArray(value) ? value.join(',') : value,
      from: origin.from,
      meaning: doc,
    })),
  )
}
