import { answered } from './answered.ts'
import { json } from './json.ts'
import type { Validator } from './validator.ts'

/** Every validator, by the name a task asks for it. Adding one is a file and a line here. */
export const validators: Readonly<Record<string, Validator>> = { answered, json }

/** What a task gets that names none. */
export const defaultValidator = 'answered'
