import { Ajv, type Options, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { Failure } from '#processors/ports/failure.ts'
import { inTime } from './in-time.ts'

/**
 * A foreign JSON Schema made a function.
 *
 * Promise: small, refers to nothing outside itself, and answers at once (an `$async` schema would answer with a promise,
 * which looks like a yes). Undefined when compiling took longer than `ms`. Errors: `request.invalid`, in the compiler's
 * words.
 */
export type CompiledSchema = ((value: unknown) => unknown) & Pick<ValidateFunction, 'errors'>

export function compileSchema(schema: object | boolean, ms: number): CompiledSchema | undefined {
  refuseWhatIsHostile(schema)
  const draft = draftOf(schema)
  const itself = ofItself(draft)
  let isValid = false
  try {
    return inTime(ms, () => {
      void itself.validateSchema(schema, true)
      isValid = true
      // Each has a compiler of its own, so that their ids can't meet.
      return newAjv(draft, { meta: false, validateSchema: false }).compile(schema)
    })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw refused(`can't be used: ${why.slice(0, 300)}`)
  } finally {
    // It may have been ended where it stood.
    if (!isValid) schemasOfSchemas.delete(draft)
  }
}

type Draft = '07' | '2020-12'

function draftOf(schema: object | boolean): Draft {
  return typeof schema === 'object' && '$schema' in schema && /draft-0[67]/.test(String(schema.$schema))
    ? '07'
    : '2020-12'
}

/** What a schema itself must be; compiled once, because that takes longer than most schemas. */
const schemasOfSchemas = new Map<Draft, Ajv>()

function ofItself(draft: Draft): Ajv {
  const known = schemasOfSchemas.get(draft)
  if (known !== undefined) return known
  const ajv = newAjv(draft, {})
  void ajv.validateSchema({})
  schemasOfSchemas.set(draft, ajv)
  return ajv
}

function newAjv(draft: Draft, more: Options): Ajv {
  const options: Options = {
    strictSchema: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    logger: false,
    unicodeRegExp: true,
    ...more,
  }
  const ajv = draft === '07' ? new Ajv(options) : new Ajv2020(options)
  addFormats.default(ajv)
  ajv.addVocabulary(['example'])
  return ajv
}

const mostParts = 5000
const deepest = 64

function refuseWhatIsHostile(schema: unknown): void {
  const rest: { value: unknown; depth: number }[] = [{ value: schema, depth: 0 }]
  for (let parts = 0, next = rest.pop(); next !== undefined; next = rest.pop(), parts++) {
    const { value, depth } = next
    if (parts > mostParts) throw refused(`has more than ${mostParts} parts`)
    if (depth > deepest) throw refused(`is deeper than ${deepest} levels`)
    if (typeof value !== 'object' || value === null) continue
    for (const [name, part] of Object.entries(value)) {
      refuseKeyword(name, part)
      rest.push({ value: part, depth: depth + 1 })
    }
  }
}

function refuseKeyword(name: string, value: unknown): void {
  if (name === '__proto__') throw refused('has the key __proto__')
  if (name === '$async') throw refused('has $async')
  if (['$ref', '$dynamicRef', '$recursiveRef'].includes(name) && typeof value === 'string' && !value.startsWith('#'))
    throw refused(`refers outside itself: ${name} ${value.slice(0, 100)}`)
  if (name === 'pattern' && typeof value === 'string' && value.length > 1000)
    throw refused('has a pattern of more than 1,000 characters')
}

function refused(why: string): Failure {
  return new Failure('request.invalid', `the schema ${why}`, {
    remedy: 'Give a JSON Schema of draft 2020-12 or draft-07 that is whole by itself.',
  })
}
