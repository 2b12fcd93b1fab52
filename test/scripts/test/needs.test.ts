/** A test file's name says what it needs. */
import { expect, test } from 'vitest'
import { needsOf } from '#scripts/test/needs.ts'

test.for([
  ['test/journal/referee.test.ts', []],
  ['test/infra/kafka/kafka-event-log.kafka.test.ts', ['kafka']],
  ['test/contracts/wire.kafka.registry.test.ts', ['kafka', 'registry']],
  ['test/kafka/redis.test.ts', []],
] as const)('%s needs %j', ([file, needs]) => {
  expect(needsOf(file)).toEqual(needs)
})
