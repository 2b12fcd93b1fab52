import type { EventData } from '#schemas/event.ts'

/**
 * What judges an answer.
 *
 * Promise: pure; the same answer and options get the same findings; none means passed. A validator that throws is a
 * failing verdict.
 */
export type Validator = (answer: string, options: Readonly<Record<string, unknown>>) => readonly Finding[]

export type Finding = EventData['verdict.reached']['findings'][number]
