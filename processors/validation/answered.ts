import type { Validator } from './validator.ts'

/** The model said something at all: the default of a task. */
export const answered: Validator = (answer) =>
  answer.trim() === '' ? [{ kind: 'Empty', message: 'the answer is empty', path: null }] : []
