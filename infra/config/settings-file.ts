/**
 * lattice.toml as a flat list of known keys.
 *
 * Promise: a key that means nothing is an error that names its line, so a misspelt setting is never silently ignored;
 * the text of the file, which may hold keys, is in no message.
 */
import { readFileSync } from 'node:fs'
import { parse, TomlError } from 'smol-toml'
import { Failure } from '#processors/ports/failure.ts'

export interface SettingsFile {
  readonly path: string
  /** By dotted key. A list is joined with commas, as a variable would hold it. */
  readonly entries: ReadonlyMap<string, { readonly text: string; readonly line: number }>
}

export interface KnownKeys {
  readonly keys: ReadonlySet<string>
  /** Tables whose keys the user names. */
  readonly tables: readonly string[]
}

/** `knownIn` says what a parsed file may have. Errors: `settings.invalid`, for a file that is missing, not TOML, or has an unknown key. */
export function readSettingsFile(
  path: string,
  knownIn: (parsed: Readonly<Record<string, unknown>>) => KnownKeys,
): SettingsFile {
  const source = readSource(path)
  const lines = source.split('\n')
  const entries = new Map<string, { text: string; line: number }>()
  const table = parseOrFail(path, source)
  const known = knownIn(table)
  for (const [key, value] of leaves(table, known.keys)) {
    const line = lineOf(lines, key)
    const text = asText(value)
    if (!known.keys.has(key.join('.'))) throw unknownKey(path, line, key, known)
    if (text === undefined) throw notAValue(path, line, key, known)
    entries.set(key.join('.'), { text, line })
  }
  return { path, entries }
}

function readSource(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new Failure('settings.invalid', `the settings file ${path} can't be read (${code})`, {
      remedy: 'Name an existing file in LATTICE_CONFIG, or remove the variable.',
      cause: error,
    })
  }
}

function parseOrFail(path: string, source: string): Record<string, unknown> {
  try {
    return parse(source)
  } catch (error) {
    // The message's further lines quote the file.
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''
    throw invalidFile(path, error instanceof TomlError ? error.line : 1, reason)
  }
}

/** Values with their keys; a table is descended into unless it can only be a mistake. */
function* leaves(
  table: object,
  known: ReadonlySet<string>,
  above: readonly string[] = [],
): Generator<[string[], unknown]> {
  for (const [name, value] of Object.entries(table) as [string, unknown][]) {
    const key = [...above, name]
    const isKnownTable = [...known].some((one) => one.startsWith(`${key.join('.')}.`))
    if (isKnownTable && isTable(value)) yield* leaves(value, known, key)
    else yield [key, value]
  }
}

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function asText(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? value.join(',') : undefined
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value)
  return undefined
}

/**
 * The line a key is defined on. The parser doesn't say, so the file is parsed line by line further: the first prefix
 * that parses and has the key ends with its definition, which began right after the last prefix that parsed without it.
 */
function lineOf(lines: readonly string[], key: readonly string[]): number {
  let begun = 0
  for (let count = 1; count <= lines.length; count++) {
    const table = parsed(lines.slice(0, count).join('\n'))
    if (table === undefined) continue
    if (has(table, key)) return begun + 1
    begun = count
  }
  return lines.length
}

function parsed(source: string): Record<string, unknown> | undefined {
  try {
    return parse(source)
  } catch {
    return undefined
  }
}

function has(table: unknown, key: readonly string[]): boolean {
  let at: unknown = table
  for (const name of key) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return false
    at = (at as Record<string, unknown>)[name]
  }
  return true
}

function unknownKey(path: string, line: number, key: readonly string[], known: KnownKeys): Failure {
  const table = key
    .slice(0, -1)
    .map((name) => `${name}.`)
    .join('')
  const all = [...known.keys, ...known.tables]
  const near = all.filter((one) => one.startsWith(table)).map((one) => one.slice(table.length).split('.')[0])
  const where = table === '' ? 'Known keys' : `Known keys of [${table.slice(0, -1)}]`
  return invalidFile(path, line, `${key.join('.')} is not a setting`, `${where}: ${[...new Set(near)].join(', ')}.`)
}

/** `[model]` for `[models]`. */
function notAValue(path: string, line: number, key: readonly string[], known: KnownKeys): Failure {
  const name = key.join('.')
  const meant = [...known.keys].some((one) => one.startsWith(`${name}s.`)) ? `Did you mean [${name}s]?` : undefined
  return invalidFile(path, line, `${name} can't be a table or a date`, meant)
}

function invalidFile(path: string, line: number, reason: string, remedy?: string): Failure {
  return new Failure('settings.invalid', `${path} line ${line}: ${reason}`, {
    remedy: remedy ?? `Mend line ${line} of ${path}.`,
  })
}
