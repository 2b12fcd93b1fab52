/**
 * The secrets of a configuration: what must never be seen.
 *
 * Promise: every secret Lattice was given is in `knownSecrets`, in each form in which it may turn up in a text.
 */
import { providerNames } from '#infra/openai/providers.ts'
import { readKeyValues } from '#infra/otlp/key-values.ts'
import { addedSettings } from './added-providers.ts'
import type { Config } from './config.ts'
import { readKeyFiles } from './key-files.ts'
import { isPlaceholder } from './read-key.ts'
import type { Setting } from './setting.ts'
import { everySetting } from './settings.ts'
import { readTokensFile } from './tokens-file.ts'

/** The shortest secret that is searched for in texts: replacing a shorter one would garble them. */
export const shortestSecret = 6

/** Every secret of a configuration, longest first, for redaction: keys, tokens, also those of the tokens file, and the passwords in addresses. */
export function knownSecrets(config: Config): readonly string[] {
  const found = new Set<string>(config.tokensFile === undefined ? [] : readTokensFile(config.tokensFile).tokens.keys())
  for (const secret of secretsInKeyFiles(config)) found.add(secret)
  for (const [path, one] of settingsOf(config)) {
    const value = valueAt(config, path)
    if (typeof value !== 'string') continue
    if (one.secret === true) found.add(value)
    if (path === 'otlpHeaders') for (const secret of secretsInHeaders(value)) found.add(secret)
    for (const password of passwordsIn(value)) found.add(password)
  }
  return [...found].filter((secret) => secret.length >= shortestSecret).sort((a, b) => b.length - a.length)
}

/** Every setting of a configuration under its path in it, those of added providers included. */
export function settingsOf({ addedProviders }: Config): ReadonlyMap<string, Setting<unknown>> {
  const added = Object.entries(addedProviders).flatMap(([name, { keyVariable }]) => {
    const { apiKeyEnv: _, ...own } = addedSettings(name, keyVariable)
    return Object.entries(own).map(([key, one]) => [`addedProviders.${name}.${key}`, one] as const)
  })
  return new Map<string, Setting<unknown>>([...everySetting, ...added])
}

/** The value of a setting by its path, such as `port` or `providers.groq.apiKey`. */
export function valueAt(config: Config, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], config)
}

/** Also those that the environment goes before: they are keys all the same. */
function secretsInKeyFiles({ keysDir, addedProviders }: Config): string[] {
  if (keysDir === undefined) return []
  const files = readKeyFiles(keysDir, [...providerNames, ...Object.keys(addedProviders)])
  const variables = [...files.values()].flatMap((file) => Object.entries(file.variables))
  const secret = variables.filter(([name]) => /key|token|secret|password/i.test(name))
  return secret.map(([, value]) => value?.trim() ?? '').filter((value) => !isPlaceholder(value))
}

/** A header's value, and what stands in it behind `Basic` or `Bearer`. */
function secretsInHeaders(headers: string): string[] {
  const values = Object.values(readKeyValues(headers) ?? {})
  return values.flatMap((value) => [value, ...(/^(?:basic|bearer)\s+(\S+)$/i.exec(value)?.slice(1) ?? [])])
}

/** As written, and decoded where it was percent-encoded; and user and password together as HTTP sends them. */
function passwordsIn(address: string): string[] {
  const [, user, password] = /\/\/([^/?#\s:@]*):([^/?#\s]*)@/.exec(address) ?? []
  if (user === undefined || password === undefined) return []
  const plain = decoded(password)
  return [password, plain, Buffer.from(`${decoded(user)}:${plain}`).toString('base64')]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
