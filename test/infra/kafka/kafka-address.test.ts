/** Kafka's address: brokers, encryption, and who asks. */
import { expect, test } from 'vitest'
import { readKafkaAddress } from '#infra/kafka/kafka-address.ts'

const nobody = { mechanism: 'plain', username: undefined, password: undefined } as const

test('names brokers, whatever else stands in it', () => {
  expect(readKafkaAddress('kafka://a:9092,b', nobody)).toEqual({ brokers: ['a:9092', 'b'] })
  expect(readKafkaAddress('kafka+ssl://a:9093,[::1]:9093/?x=1', nobody)).toEqual({
    brokers: ['a:9093', '[::1]:9093'],
    ssl: true,
  })
})

test('says who asks, percent-decoded; what it says wins over the settings', () => {
  const sasl = { mechanism: 'plain', username: 'me', password: 'p@ss:w' }
  expect(readKafkaAddress('kafka+ssl://me:p%40ss%3Aw@a:1,b:2', { ...nobody, username: 'you', password: 'x' })).toEqual({
    brokers: ['a:1', 'b:2'],
    ssl: true,
    sasl,
  })
})

test('takes user, password and mechanism from the settings', () => {
  const given = { mechanism: 'scram-sha-512', username: 'me', password: 'secret' } as const
  expect(readKafkaAddress('kafka://a:1', given)).toEqual({ brokers: ['a:1'], sasl: given })
  expect(readKafkaAddress('kafka://me@a:1', { ...given, username: undefined })).toMatchObject({ sasl: given })
})

test.each([
  [{ ...nobody, username: 'me' }, 'a user alone'],
  [{ ...nobody, password: 'secret-one' }, 'a password alone'],
])('refuses half of them: %#', (given, what) => {
  let said = ''
  try {
    readKafkaAddress('kafka://a:1', given)
  } catch (error) {
    said = String(error)
    expect(error).toMatchObject({ code: 'settings.invalid' })
  }
  expect(said).toContain(what)
  expect(said).not.toContain('secret-one')
})
