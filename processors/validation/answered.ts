import { finding } from './finding.ts'
import type { Validator } from './validator.ts'

/** The model said something at all: the default of a task. */
export const answered: Validator = {
  judge: (answer) => (answer.trim() === '' ? [finding('Empty', 'empty', 'the answer is empty')] : []),
}
