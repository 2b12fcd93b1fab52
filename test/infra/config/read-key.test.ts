/** Which texts are keys and which only stand where one should be. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hideCredentials, isPlaceholder, readKey } from '#infra/config/read-key.ts'

test.for([
  '',
  ' ',
  'your_api_key',
  'YOUR_API_KEY',
  'your-groq-api-key-here',
  'sk-xxxxx-or-blank',
  'sk-xxxx',
  'sk-proj-xxxxxxxx',
  'xxx',
  'XXXXXXXX',
  'changeme',
  'change-me',
  'replace_me',
  'gsk_...',
  '...',
  '…',
  'AIza...',
  '<your key>',
  '${GROQ_API_KEY}',
  'api_key',
  'none',
  'null',
  'todo',
  '****',
  'insert your key here',
  'enter_your_token',
])('%j is a placeholder', (text) => {
  expect(isPlaceholder(text)).toBe(true)
  expect(readKey(text, 'X')).toBeUndefined()
})

test.for([
  'gsk_AbCdEf0123456789',
  'sk-proj-abc_DEF-123',
  'AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY',
  'lm-studio',
  'ollama',
  'EMPTY',
  'sk-or-v1-0123456789abcdef',
  'not-needed',
])('%j is a key', (text) => {
  expect(readKey(` ${text}\n`, 'X')).toBe(text)
})

test('random keys are never taken for placeholders', () => {
  const key = fc.stringMatching(/^(gsk_|sk-|AIza)[A-WYZa-wyz0-9]{20,48}$/)
  fc.assert(fc.property(key, (text) => !isPlaceholder(text)))
})

test('an address is shown without what stands before its @', () => {
  expect(hideCredentials('redis://user:p@ss@host:1/0')).toBe('redis://host:1/0')
  expect(hideCredentials('kafka://user:pass@a:1,b:2')).toBe('kafka://a:1,b:2')
  expect(hideCredentials('redis://user:p/a#s?s@host:1/0')).toBe('redis://host:1/0')
  expect(hideCredentials('https://a.example/x')).toBe('https://a.example/x')
})
