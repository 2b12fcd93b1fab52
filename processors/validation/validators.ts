import { Failure } from '#processors/ports/failure.ts'
import { answered } from './answered.ts'
import { email } from './email.ts'
import { fill } from './fill.ts'
import { json } from './json.ts'
import { jsonSchema } from './json-schema.ts'
import { playbook } from './playbook.ts'
import { replay } from './replay.ts'
import type { Validator, ValidatorOptions } from './validator.ts'

/** ★ Every validator, by the name a request asks for it. Adding one is a file and a line here; see docs/validators.md. */
export const validators: Readonly<Record<string, Validator>> = {
  answered,
  json,
  json_schema: jsonSchema,
  fill,
  email,
  playbook,
  replay,
}

/** What a task gets that names none. */
export const defaultValidator = 'answered'

/** The validator of that name, with options it can judge by. Errors: `request.invalid`, naming the known ones. */
export async function validatorFor(name: string, options: ValidatorOptions): Promise<Validator> {
  const validator = validatorNamed(name)
  await validator.check?.(options)
  return validator
}

/** Errors: `request.invalid`. */
export function validatorNamed(name: string): Validator {
  const validator = Object.hasOwn(validators, name) ? validators[name] : undefined
  if (validator !== undefined) return validator
  const known = Object.keys(validators).join(', ')
  throw new Failure('request.invalid', `there is no validator ${name.slice(0, 80)}; there are: ${known}`)
}
