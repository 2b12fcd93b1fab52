/**
 * What a setting is: where it is read from, what it may be, and what it is when nobody says.
 *
 * Promise: `read` gives a value or undefined for text that isn't one, and never throws; `allowed` says in words what
 * it takes, for the error a user sees.
 */
import { resolve } from 'node:path'

export interface Setting<Value> {
  /** Environment variables, the preferred name first. */
  readonly env: readonly [string, ...string[]]
  /** Command line option, in commander's syntax. */
  readonly flag?: string
  /** Dotted key in lattice.toml; none for what can't be set there. */
  readonly toml?: string
  /** One line for people. */
  readonly doc: string
  /** Never shown whole, and redacted from events and logs. */
  readonly secret?: boolean
  readonly kind: Kind<NonNullable<Value>>
  readonly default: Value
}

export interface Kind<Value> {
  readonly allowed: string
  /** `folder` is what a relative path is relative to. */
  readonly read: (text: string, folder: string) => Value | undefined
}

type About = Omit<Setting<unknown>, 'kind' | 'default'>

/** A setting that always has a value. */
export function setting<Value>(kind: Kind<NonNullable<Value>>, value: Value, about: About): Setting<Value> {
  return { ...about, kind, default: value }
}

/** A setting that may be left out. */
export function optional<Value>(kind: Kind<NonNullable<Value>>, about: About): Setting<Value | undefined> {
  return { ...about, kind, default: undefined }
}

export const text: Kind<string> = { allowed: 'a text', read: (given) => given }

export const path: Kind<string> = { allowed: 'a path', read: (given, folder) => resolve(folder, given) }

export const flag: Kind<boolean> = {
  allowed: '1 or 0 (or true, false, yes, no, on, off)',
  read(given) {
    const lower = given.toLowerCase()
    if (['1', 'true', 'yes', 'on'].includes(lower)) return true
    if (['0', 'false', 'no', 'off'].includes(lower)) return false
    return undefined
  },
}

/** A whole number between two bounds, both included. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const allowed =
    most === Number.MAX_SAFE_INTEGER ? `a whole number, ${least} or more` : `a whole number from ${least} to ${most}`
  return { allowed, read: (given) => within(/^-?\d{1,16}$/.test(given) ? Number(given) : undefined, least, most) }
}

/** A number between two bounds, both included. */
export function decimal(least: number, most: number): Kind<number> {
  const read = (given: string): number | undefined =>
    within(/^-?\d{0,16}(\.\d{1,16})?$/.test(given) && /\d/.test(given) ? Number(given) : undefined, least, most)
  return { allowed: `a number from ${least} to ${most}`, read }
}

export function oneOf<Name extends string>(names: readonly Name[]): Kind<Name> {
  return { allowed: `one of ${names.join(', ')}`, read: (given) => names.find((name) => name === given.toLowerCase()) }
}

/** A list of names from a fixed set, each at most once. */
export function someOf<Name extends string>(names: readonly Name[]): Kind<readonly Name[]> {
  const one = oneOf(names)
  return {
    allowed: `a comma-separated list of ${names.join(', ')}`,
    read(given, folder) {
      const chosen = parts(given).map((part) => one.read(part, folder))
      if (chosen.length === 0 || chosen.includes(undefined)) return undefined
      return [...new Set(chosen as Name[])]
    },
  }
}

export const list: Kind<readonly string[]> = { allowed: 'a comma-separated list', read: parts }

export const httpUrl: Kind<string> = {
  allowed: 'a URL that begins with http:// or https://',
  read(given) {
    const url = URL.parse(given)
    return url !== null && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '' ? given : undefined
  },
}

/** Where the log is. A bare `embedded:` is completed from `LATTICE_DATA` once that is known. */
export const logAddress: Kind<string> = {
  allowed:
    'embedded:<folder>, redis://[user:password@]host:port, rediss://…, kafka://[user:password@]host:port,host:port or ' +
    'kafka+ssl://… (user and password percent-encoded)',
  read(given, folder) {
    const [, scheme, rest] = /^(embedded|rediss?|kafka|kafka\+ssl)(?::(.*))?$/s.exec(given) ?? []
    if (scheme === 'embedded')
      return rest === undefined || rest === '' ? 'embedded:' : `embedded:${resolve(folder, rest)}`
    if (scheme === 'kafka' || scheme === 'kafka+ssl')
      return /^\/\/([^@/\s]+@)?[^@/,\s]+(,[^@/,\s]+)*(\/?\?\S*)?$/.test(rest ?? '') ? given : undefined
    return scheme !== undefined && isRedisAddress(given) ? given : undefined
  },
}

/** A password with a `/`, `?`, `#` or `%` that is not percent-encoded makes a URL of something else. */
function isRedisAddress(given: string): boolean {
  const url = URL.parse(given)
  if (url === null || url.hostname === '' || !/^\/?\d*$/.test(url.pathname)) return false
  return !`${url.search}${url.hash}`.includes('@') && isDecodable(url.username) && isDecodable(url.password)
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** A name that is safe as a prefix of topics and keys on every log. */
export const prefix: Kind<string> = {
  allowed: '1 to 64 of the characters a-z, A-Z, 0-9, dot, dash and underscore',
  read: (given) => (/^[\w.-]{1,64}$/.test(given) ? given : undefined),
}

function within(value: number | undefined, least: number, most: number): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined
}

function parts(given: string): string[] {
  return given
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
