/**
 * ★ Every setting of Lattice in one table, those of traces by way of `trace-settings.ts`: its variables, its flag, its key
 * in lattice.toml, what it may be, and what it is when nobody says. A new one is an entry here; `config.ts` reads them all
 * the same way.
 */
import { type SaslMechanism, saslMechanisms } from '#infra/kafka/kafka-address.ts'
import {
  builtInProvider,
  customProvider,
  type ProviderDefinition,
  type ProviderName,
  providerNames,
  providers,
  usualOrder,
} from '#infra/openai/providers.ts'
import {
  decimal,
  flag,
  httpUrl,
  integer,
  list,
  logAddress,
  oneOf,
  optional,
  path,
  prefix,
  type Setting,
  setting,
  someOf,
  text,
} from './setting.ts'
import { traceSettings } from './trace-settings.ts'

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
type LogLevel = (typeof logLevels)[number]

export const settings = {
  configFile: optional<string>(path, {
    env: ['LATTICE_CONFIG'],
    flag: '--config <file>',
    doc: 'the settings file; lattice.toml in the current folder when there is one',
  }),
  data: setting(path, './data', {
    env: ['LATTICE_DATA'],
    flag: '--data <folder>',
    toml: 'data',
    doc: 'the folder that holds all state',
  }),
  log: setting(logAddress, 'embedded:', {
    env: ['LATTICE_LOG'],
    flag: '--log <address>',
    toml: 'log',
    doc: 'where the event log is: embedded:<folder>, redis[s]://…, kafka[+ssl]://…',
  }),
  kafkaSaslMechanism: setting<SaslMechanism>(oneOf(saslMechanisms), 'plain', {
    env: ['LATTICE_KAFKA_SASL_MECHANISM'],
    toml: 'kafka.sasl_mechanism',
    doc: 'how a user of Kafka is proved',
  }),
  kafkaSaslUsername: optional<string>(text, {
    env: ['LATTICE_KAFKA_SASL_USERNAME'],
    toml: 'kafka.sasl_username',
    doc: 'user of Kafka, where the address names none',
  }),
  kafkaSaslPassword: optional<string>(text, {
    env: ['LATTICE_KAFKA_SASL_PASSWORD'],
    toml: 'kafka.sasl_password',
    doc: 'password of that user',
    secret: true,
  }),
  logNamespace: setting(prefix, 'lattice', {
    env: ['LATTICE_LOG_NAMESPACE'],
    toml: 'log_namespace',
    doc: 'prefix of all names on a shared Redis or Kafka',
  }),
  schemaRegistry: optional<string>(httpUrl, {
    env: ['LATTICE_SCHEMA_REGISTRY'],
    toml: 'schema_registry',
    doc: 'a Confluent-compatible schema registry; schema ids come from the catalog otherwise',
  }),
  runsDir: setting(path, './runs', {
    env: ['LATTICE_RUNS_DIR'],
    flag: '--runs-dir <folder>',
    toml: 'runs_dir',
    doc: 'where run folders are written',
  }),
  sessionLog: optional<string>(path, {
    env: ['LATTICE_SESSION_LOG'],
    toml: 'session_log_path',
    doc: 'the JSONL file that gets a row for each iterate run, shared with other daemons; sessions.jsonl in the data folder otherwise, none when set to nothing',
  }),
  claimCheckBytes: setting(integer(1024, 4 * 1024 * 1024), 262_144, {
    env: ['LATTICE_CLAIM_CHECK_BYTES'],
    toml: 'claim_check_bytes',
    doc: 'a field larger than this is stored beside the log and referred to',
  }),
  logLevel: setting<LogLevel>(oneOf(logLevels), 'info', {
    env: ['LATTICE_LOG_LEVEL'],
    flag: '--log-level <level>',
    toml: 'log_level',
    doc: 'how much is written to stderr',
  }),

  host: setting(text, '127.0.0.1', {
    env: ['LATTICE_HOST'],
    flag: '--host <address>',
    toml: 'http.host',
    doc: 'the address the API listens on; another than loopback needs LATTICE_AUTH_TOKEN',
  }),
  port: setting(integer(0, 65_535), 8300, {
    env: ['LATTICE_PORT'],
    flag: '--port <port>',
    toml: 'http.port',
    doc: 'the port the API listens on; 0 takes a free one',
  }),
  authToken: optional<string>(text, {
    env: ['LATTICE_AUTH_TOKEN'],
    toml: 'http.auth_token',
    doc: 'bearer token that API requests need',
    secret: true,
  }),
  tokensFile: optional<string>(path, {
    env: ['LATTICE_TOKENS_FILE'],
    toml: 'http.tokens_file',
    doc: 'file of more bearer tokens, each with the name of its principal',
  }),
  corsOrigins: setting<readonly string[]>(list, [], {
    env: ['LATTICE_CORS_ORIGINS'],
    toml: 'http.cors_origins',
    doc: 'origins whose browsers may call the API; * for all',
  }),

  providerOrder: setting<readonly string[]>(someOf([...providerNames, builtInProvider]), usualOrder, {
    env: ['LATTICE_PROVIDER_ORDER'],
    flag: '--provider-order <names>',
    toml: 'provider_order',
    doc: 'providers in the order they are tried',
  }),
  provider: optional<string>(oneOf([...providerNames, customProvider, builtInProvider]), {
    env: ['LATTICE_PROVIDER'],
    flag: '--provider <name>',
    toml: 'provider',
    doc: 'use this provider alone',
  }),
  model: optional<string>(text, {
    env: ['LATTICE_MODEL'],
    flag: '--model <name>',
    toml: 'model',
    doc: 'model of the chosen (first) provider; the others keep their own',
  }),
  baseUrl: optional<string>(httpUrl, {
    env: ['LATTICE_BASE_URL'],
    flag: '--base-url <url>',
    toml: 'base_url',
    doc: 'base URL of the chosen (first) provider; without any key, an endpoint that needs none',
  }),
  keysDir: optional<string>(path, {
    env: ['LATTICE_KEYS_DIR'],
    toml: 'keys_dir',
    doc: "folder of <provider>.env files with the providers' keys, readable by their owner alone",
  }),
  breakerFailures: setting(integer(0, 1000), 5, {
    env: ['LATTICE_BREAKER_FAILURES'],
    toml: 'breaker_failures',
    doc: 'failed calls in a row after which a provider is left alone for a while; 0 for never',
  }),
  weakModels: setting<readonly string[]>(list, [], {
    env: ['LATTICE_WEAK_MODELS'],
    toml: 'models.weak_models',
    doc: 'models that count as weak, asked as tier/weak_models; doctor warns where a cloud or frontier tier has one',
  }),
  refusesTemperature: setting<readonly string[]>(list, [], {
    env: ['LATTICE_REFUSES_TEMPERATURE'],
    toml: 'models.refuses_temperature',
    doc: 'models that refuse a temperature, beside those known to',
  }),
  temperature: setting(decimal(0, 2), 0.2, {
    env: ['LATTICE_TEMPERATURE'],
    flag: '--temperature <number>',
    toml: 'temperature',
    doc: 'sampling temperature of tasks',
  }),
  maxTokens: optional<number>(integer(1), {
    env: ['LATTICE_MAX_TOKENS'],
    flag: '--max-tokens <number>',
    toml: 'max_tokens',
    doc: 'longest answer, in tokens; the provider decides otherwise',
  }),
  llmBudgetUsd: optional<number>(decimal(0, 1_000_000_000), {
    env: ['LLM_BUDGET_USD'],
    toml: 'llm_budget_usd',
    doc: 'US dollars that calls of models may cost a day (UTC): the budget llm; more budgets stand in lattice.toml, [budgets.<name>]',
  }),
  maxAttempts: setting(integer(1, 100), 9, {
    env: ['LATTICE_MAX_ATTEMPTS'],
    flag: '--max-attempts <number>',
    toml: 'max_attempts',
    doc: 'model calls a run may make: retries, fallback and escalation together',
  }),
  deadlineMs: setting(integer(1, 86_400_000), 300_000, {
    env: ['LATTICE_DEADLINE_MS'],
    flag: '--deadline-ms <ms>',
    toml: 'deadline_ms',
    doc: 'how long a run may take, in milliseconds',
  }),

  roster: optional<string>(path, {
    env: ['LATTICE_ROSTER'],
    toml: 'roster.path',
    doc: 'the Parquet or CSV file of workers that answers are looked up in',
  }),

  root: optional<string>(path, {
    env: ['LH_DISTILL_ROOT'],
    flag: '--root <folder>',
    toml: 'replay.root',
    doc: 'the folder whose playbooks replays retrieve and that keeps their rows; the current folder otherwise',
  }),
  gatewayUrl: optional<string>(httpUrl, {
    env: ['LH_GATEWAY_URL'],
    flag: '--gateway-url <url>',
    toml: 'replay.gateway_url',
    doc: 'the gateway whose /v1/chat replays ask for every model; the configured providers otherwise',
  }),

  ...traceSettings,

  useRag: setting(flag, true, {
    env: ['LATTICE_USE_RAG'],
    flag: '--no-rag',
    toml: 'rag.use',
    doc: "whether passages of the folder's documents are retrieved for a task",
  }),
  ragMaxIngest: setting(integer(0, 100_000), 20, {
    env: ['LATTICE_RAG_MAX_INGEST'],
    toml: 'rag.max_ingest',
    doc: 'how many files of the folder are read before a run, at most',
  }),
  ragThreshold: optional<number>(decimal(0, 1), {
    env: ['LATTICE_RAG_THRESHOLD'],
    toml: 'rag.threshold',
    doc: 'relevance below which a passage is not attached; chosen by the search otherwise',
  }),
}

/** The tiers a model name can stand in for, as `tier/<name>`: the swap of a model is one line. */
export const tierNames = [
  'local_fast',
  'local_judge',
  'cloud_judge',
  'cloud_review',
  'frontier_review',
  'frontier_arch',
  'frontier_free',
] as const

export type TierName = (typeof tierNames)[number]

export const tierSettings = Object.fromEntries(
  tierNames.map((name) => [
    name,
    setting<readonly string[]>(list, [], {
      env: [`LATTICE_TIER_${name.toUpperCase()}`],
      toml: `models.${name}`,
      doc: `the model, or models in the order they are tried, of tier/${name}`,
    }),
  ]),
) as Readonly<Record<TierName, Setting<readonly string[]>>>

/** What each provider of the table can be given: `GROQ_API_KEY`, `GROQ_BASE_URL`, `GROQ_MODEL` and so on. */
export const providerSettings = Object.fromEntries(
  providerNames.map((name) => [name, settingsOf(name, providers[name])]),
) as Readonly<Record<ProviderName, ProviderSettings>>

export interface ProviderSettings {
  readonly apiKey?: Setting<string | undefined>
  readonly baseUrl: Setting<string | undefined>
  readonly model: Setting<string | undefined>
}

/** Every setting under its path in `Config`, such as `port` or `providers.groq.apiKey`. */
export const everySetting: ReadonlyMap<string, Setting<unknown>> = new Map<string, Setting<unknown>>([
  ...Object.entries(settings),
  ...tierNames.map((name) => [`tiers.${name}`, tierSettings[name]] as const),
  ...providerNames.flatMap((name) =>
    Object.entries(providerSettings[name]).map(([key, one]) => [`providers.${name}.${key}`, one] as const),
  ),
])

function settingsOf(name: string, provider: ProviderDefinition): ProviderSettings {
  const toml = (key: string): string => `providers.${name}.${key}`
  return {
    ...(provider.keyVariable !== undefined && {
      apiKey: optional<string>(text, {
        env: [provider.keyVariable],
        toml: toml('api_key'),
        doc: `key of ${provider.title}`,
        secret: true,
      }),
    }),
    baseUrl: optional<string>(httpUrl, {
      env: [provider.urlVariable],
      toml: toml('base_url'),
      doc: `base URL of ${provider.title}; ${provider.baseUrl} otherwise`,
    }),
    model: optional<string>(text, {
      env: [provider.modelVariable],
      toml: toml('model'),
      doc: `model of ${provider.title}; ${provider.defaultModel} otherwise${provider.local ? ', or the first it has' : ''}`,
    }),
  }
}
