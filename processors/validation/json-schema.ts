/**
 * `json_schema`: the answer's JSON against a schema of the request (`{"schema": …}`; JSON Schema 2020-12, or draft-07
 * where it says so).
 *
 * Promise: a schema that can't be judged by is `request.invalid` before anything is asked. Schemas are hostile: they are
 * small, refer to nothing outside themselves, and whatever they do to the machine, compiling and judging end within their
 * time, in a thread of their own. A keyword or format nobody knows is refused: misspelt, it would judge nothing.
 */
import { Failure } from '#processors/ports/failure.ts'
import { finding } from './finding.ts'
import { askSchema } from './schema-judge.ts'
import type { Validator, ValidatorOptions } from './validator.ts'

export const jsonSchema: Validator = {
  async check(options) {
    const said = await askSchema(schemaOf(options), undefined)
    if ('slow' in said) throw new Failure('request.invalid', `the schema ${said.slow}`)
  },
  async judge(answer, options) {
    const said = await askSchema(schemaOf(options), answer)
    return 'slow' in said ? [finding('Infrastructure', 'schema-too-slow', `the schema ${said.slow}`)] : said.findings
  },
}

const longestSchema = 64 * 1024

/** As JSON: whoever holds the object can't change what was compiled. */
function schemaOf(options: ValidatorOptions): string {
  const schema = Object.hasOwn(options, 'schema') ? options['schema'] : undefined
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema)))
    throw new Failure('request.invalid', 'json_schema needs a schema, which is an object')
  const text = JSON.stringify(schema)
  if (text.length > longestSchema)
    throw new Failure('request.invalid', `the schema has more than ${longestSchema} characters`)
  return text
}
