/**
 * Providers a user adds: `[providers.<name>]` in lattice.toml, for any OpenAI-compatible endpoint or Ollama's own API.
 *
 * Promise: such a provider is configured like one of the table, by the file and by variables named after it; a name
 * that would mean something else is refused.
 */
import { builtInProvider, customProvider, providerNames } from '#infra/openai/providers.ts'
import { flag, httpUrl, optional, type Setting, setting, text } from './setting.ts'

export interface AddedSettings {
  readonly apiKey: Setting<string | undefined>
  readonly apiKeyEnv: Setting<string | undefined>
  readonly baseUrl: Setting<string | undefined>
  readonly model: Setting<string | undefined>
  readonly local: Setting<boolean>
}

/** Names that mean something else as the first part of a model's name. */
const reserved: readonly string[] = [...providerNames, builtInProvider, customProvider, 'tier']

/** The names below `[providers]` that are in no table of ours. */
export function addedNames(file: Readonly<Record<string, unknown>>): readonly string[] {
  const { providers } = file
  if (typeof providers !== 'object' || providers === null) return []
  const tables = Object.entries(providers as Record<string, unknown>).filter(([, one]) => typeof one === 'object')
  return tables.map(([name]) => name).filter((name) => isProviderName(name))
}

function isProviderName(name: string): boolean {
  return /^[a-z][a-z0-9_-]{0,31}$/.test(name) && !reserved.includes(name)
}

/** `keyVariable` where the user chose it. */
export function addedSettings(name: string, keyVariable?: string): AddedSettings {
  const toml = (key: string): string => `providers.${name}.${key}`
  const variable = name.toUpperCase().replaceAll('-', '_')
  return {
    apiKey: optional<string>(text, {
      env: [keyVariable ?? `${variable}_API_KEY`],
      toml: toml('api_key'),
      doc: `key of ${name}`,
      secret: true,
    }),
    apiKeyEnv: optional<string>(text, {
      env: [`${variable}_API_KEY_ENV`],
      toml: toml('api_key_env'),
      doc: `variable that holds the key of ${name}`,
    }),
    baseUrl: optional<string>(httpUrl, {
      env: [`${variable}_BASE_URL`],
      toml: toml('base_url'),
      doc: `base URL of ${name}`,
    }),
    model: optional<string>(text, { env: [`${variable}_MODEL`], toml: toml('model'), doc: `model of ${name}` }),
    local: setting(flag, false, {
      env: [`${variable}_LOCAL`],
      toml: toml('local'),
      doc: `whether ${name} runs on this machine`,
    }),
  }
}
