import { isFailure } from '#processors/ports/failure.ts'
import { examineModels } from '#processors/models/examine-models.query.ts'
import type { ExaminedProvider } from '#processors/models/examine-models.query.ts'
import { modelWarnings } from '#processors/models/model-warnings.query.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Opened } from '#api/opened.ts'
import type { CliAction, CliContext } from './command.ts'
import { counted } from './counted.ts'

/**
 * `lattice doctor`: what is configured, what answers, what is missing and how to mend it.
 *
 * Promise: writes nothing to the log, makes none, and asks no model for an answer: a provider is asked for its models,
 * which costs nothing. Secrets are shown as set, never whole. Exit code 1 when something that is configured does not
 * answer.
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
  const [ofModels, ofTheLog] = await Promise.all([examineProviders(context), examineLog(context)])
  return [
    { what: 'runtime', state: 'ok', detail: `node ${process.versions.node}` },
    ...context.loaded.unknownVariables.map((name) => ({
      what: name,
      state: 'missing' as const,
      detail: 'no setting is called that',
      remedy: 'lattice doctor --settings shows all',
    })),
    ...ofTheLog,
    ...ofModels,
  ]
}

async function examineLog(context: CliContext): Promise<Finding[]> {
  if (!(await context.hasLog())) {
    const detail = `none yet at ${context.loaded.config.log}; lattice run or lattice serve makes it`
    return [{ what: 'log', state: 'missing', detail }]
  }
  let opened: Opened | undefined
  const risks: string[] = []
  const report: Report = (signal) => void (signal.signal === 'log.risk' && risks.push(signal.message))
  try {
    opened = await context.open({ role: 'doctor', stores: [], readOnly: 'all', models: false, quiet: true, report })
    return [...(await ofLog(opened)), ...risks.map(ofRisk), ...ofStores(opened)]
  } catch (error) {
    if (!isFailure(error)) throw error
    return [{ what: 'log', state: 'broken', detail: error.message, remedy: error.remedy }]
  } finally {
    await opened?.close()
  }
}

async function ofLog({ lattice }: Opened): Promise<Finding[]> {
  const { log } = lattice.given
  const bounds = await log.bounds('runs.v1')
  const records = bounds.reduce((sum, { first, next }) => sum + next - first, 0)
  return [
    {
      what: 'log',
      state: 'ok',
      detail: `${log.backend} ${log.id}: ${counted(records, 'record')} of runs in ${counted(bounds.length, 'partition')}`,
    },
    { what: 'durability', state: 'ok', detail: log.durability },
  ]
}

/** What an acknowledged event may not survive: no reason to stop, one to know. */
function ofRisk(detail: string): Finding {
  return { what: risk, state: 'missing', detail }
}

/** What `ofRisk` is a finding of. */
export const risk = 'log may lose'

const askWithinMs = 3_000

async function examineProviders(context: CliContext): Promise<Finding[]> {
  const { models, close } = await context.openModels()
  try {
    const { signal } = context
    const added = Object.keys(context.loaded.config.addedProviders)
    const { providers, route, trouble } = await examineModels(models, { signal, timeoutMs: askWithinMs, added })
    const askedFor = (name: string): string | undefined =>
      route?.choices.find(({ provider }) => provider === name)?.model
    const unlisted = await Promise.all(providers.map((one) => unlistedOf(one, askedFor(one.name) ?? one.model, models)))
    const findings: Finding[] = [
      ...providers.flatMap((provider, index) => [ofProvider(provider, context), ...(unlisted[index] ?? [])]),
      ...modelWarnings(models).map((warning) => ({ state: 'missing' as const, ...warning })),
    ]
    if (route === undefined) {
      return [...findings, { what: 'models', state: 'broken', detail: 'no task can be carried out', ...said(trouble) }]
    }
    const asked = route.choices.map(({ provider, model }) => `${provider}/${model}`).join(' → ')
    const remedy = 'set GROQ_API_KEY, GEMINI_API_KEY or OPENAI_API_KEY, or start LM Studio or Ollama'
    const asksOf = { what: 'models', detail: `a task asks ${asked}` }
    return [...findings, route.standsIn ? { ...asksOf, state: 'missing', remedy } : { ...asksOf, state: 'ok' }]
  } finally {
    await close()
  }
}

type Models = Awaited<ReturnType<CliContext['openModels']>>['models']

/** A provider that answers and does not have what it will be asked for. One without a list is taken at its word. */
async function unlistedOf({ name, state }: ExaminedProvider, model: string, models: Models): Promise<Finding[]> {
  if (state !== 'answers' || ['', 'default'].includes(model) || name === 'lattice') return []
  const listed = (await models.list(name, askWithinMs)).models
  if (listed.length === 0 || listed.some((id) => isSameModel(id, model))) return []
  const shown = listed.slice(0, mostShown).join(', ')
  return [
    {
      what: `provider ${name}`,
      state: 'missing',
      detail: `does not list ${model}, which it will be asked for`,
      remedy: `name one that it has: ${shown}${listed.length > mostShown ? ', …' : ''}`,
    },
  ]
}

const mostShown = 5

/** Gemini lists `models/x` for `x`, Ollama `x:latest`. */
function isSameModel(listed: string, asked: string): boolean {
  const plain = (name: string): string => name.replace(/^models\//, '').replace(/:latest$/, '')
  return plain(listed) === plain(asked)
}

function said(trouble: { message: string; remedy: string } | undefined): Partial<Finding> {
  return trouble === undefined ? {} : { detail: trouble.message, remedy: trouble.remedy }
}

function ofProvider({ name, state, detail, model }: ExaminedProvider, { loaded }: CliContext): Finding {
  const what = `provider ${name}`
  switch (state) {
    case 'answers':
      return { what, state: 'ok', detail: `answers (${detail}), asked for ${model}` }
    case 'not-asked':
      return { what, state: 'ok', detail: `${detail}, model ${model}` }
    case 'refused':
      return { what, state: 'broken', detail: `refused: ${detail}`, remedy: `the key is wrong: set ${name}'s key anew` }
    case 'silent': {
      const remedy = `check its URL and the network, or take ${name} out of LATTICE_PROVIDER_ORDER`
      return { what, state: 'broken', detail: `unreachable: ${detail}`, remedy }
    }
    case 'unconfigured': {
      // Somebody has set it, and there is no key in it: the value of a placeholder is not kept.
      const given = loaded.origins.get(`providers.${name}.apiKey`)
      if (given === undefined || given.from === 'default') return { what, state: 'missing', detail }
      const where = given.from === 'environment' ? '' : ` (${given.from})`
      return { what, state: 'missing', detail: `${given.name}${where} is empty or a placeholder, not a key` }
    }
  }
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
