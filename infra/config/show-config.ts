/**
 * The configuration as people may see it: in `doctor`, and as `config.json` in a run's folder.
 *
 * Promise: no secret is in it, only whether it is set.
 */
import type { LoadedConfig, Origin } from './config.ts'
import { settingsOf, valueAt } from './keys.ts'
import { hideCredentials } from './read-key.ts'

export interface ShownSetting {
  /** Path in `Config`. */
  readonly name: string
  readonly variable: string
  readonly doc: string
  /** Undefined when it is not set. */
  readonly value: unknown
  readonly origin: Origin
}

export function showConfig({ config, origins }: LoadedConfig): ShownSetting[] {
  return [...settingsOf(config)].map(([name, one]) => ({
    name,
    variable: one.env[0],
    doc: one.doc,
    value: shown(valueAt(config, name), one.secret === true),
    origin: origins.get(name) ?? { from: 'default', name: '' },
  }))
}

function shown(value: unknown, secret: boolean): unknown {
  if (typeof value !== 'string') return value
  return secret ? '****' : hideCredentials(value)
}
