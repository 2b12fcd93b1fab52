/**
 * What foreign SQL would ask of the machine instead of the tables: DuckDB's settings and the path of its file.
 *
 * Promise: a function that makes rows is one of a list, so no text becomes a query (`query`, `json_execute_serialized_sql`)
 * behind this look at the first; and none of the catalog tells a path. `tree` is what `json_serialize_sql` gives.
 */
export function toldOfMachine(tree: unknown): string | undefined {
  const rest: unknown[] = [tree]
  while (rest.length > 0) {
    const node = rest.pop()
    if (typeof node !== 'object' || node === null) continue
    const { type, table_name: table, function: made, function_name: called } = node as Node
    if (type === 'BASE_TABLE' && typeof table === 'string' && tellsOfMachine(table)) return table
    const name = typeof made?.function_name === 'string' ? made.function_name.toLowerCase() : ''
    if (type === 'TABLE_FUNCTION' && !makesRows.has(name)) return name
    if (typeof called === 'string' && called.toLowerCase() === 'current_setting') return called
    for (const part of Object.values(node)) rest.push(part)
  }
  return undefined
}

interface Node {
  readonly type?: unknown
  readonly table_name?: unknown
  readonly function_name?: unknown
  readonly function?: { readonly function_name?: unknown } | null
}

function tellsOfMachine(table: string): boolean {
  const name = table.toLowerCase()
  return /^(?:duckdb|pragma)_/.test(name) ? !makesRows.has(name) : ofMachine.has(name)
}

const ofMachine = new Set(['pg_settings', 'pg_database', 'pg_tablespace'])

const makesRows = new Set([
  'range',
  'generate_series',
  'unnest',
  'repeat',
  'repeat_row',
  'json_each',
  'json_tree',
  'summary',
  'test_all_types',
  'icu_calendar_names',
  'pg_timezone_names',
  'pragma_table_info',
  'pragma_show',
  'pragma_version',
  'duckdb_columns',
  'duckdb_constraints',
  'duckdb_functions',
  'duckdb_indexes',
  'duckdb_keywords',
  'duckdb_schemas',
  'duckdb_tables',
  'duckdb_types',
  'duckdb_views',
])
