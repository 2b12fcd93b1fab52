/** Where a base URL leads. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { endpointOf } from '#infra/http/endpoint.ts'

test.for([
  ['https://api.groq.com/openai/v1', false, 'https://api.groq.com', '/openai/v1/x', 'https://api.groq.com/openai/v1'],
  ['https://host/v1beta/openai/', false, 'https://host', '/v1beta/openai/x', 'https://host/v1beta/openai'],
  ['http://localhost:11434', true, 'http://localhost:11434', '/v1/x', 'http://localhost:11434/v1'],
  ['http://localhost:11434/', true, 'http://localhost:11434', '/v1/x', 'http://localhost:11434/v1'],
  ['http://localhost:1234/api', true, 'http://localhost:1234', '/api/x', 'http://localhost:1234/api'],
  ['https://host', false, 'https://host', '/x', 'https://host'],
  ['https://host/d?api-version=1', false, 'https://host', '/d/x?api-version=1', 'https://host/d'],
  ['http://u:p@host:8/v1', false, 'http://host:8', '/v1/x', 'http://host:8/v1'],
] as const)('%s (local: %s)', ([given, local, origin, path, shown]) => {
  const endpoint = endpointOf(given, { local })
  expect({ origin: endpoint.origin, path: endpoint.pathOf('/x'), shown: endpoint.shown }).toEqual({
    origin,
    path,
    shown,
  })
})

test('credentials are in the authorization alone, whatever they hold', () => {
  const word = fc.stringMatching(/^[a-zA-Z0-9%@!$*]{6,20}$/)
  fc.assert(
    fc.property(word, word, (user, password) => {
      const endpoint = endpointOf(`http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@host/v1`)
      expect(endpoint.shown).toBe('http://host/v1')
      expect(Buffer.from(endpoint.authorization?.slice(6) ?? '', 'base64').toString()).toBe(`${user}:${password}`)
    }),
  )
  expect(endpointOf('http://a%zz:b@host').authorization).toBeDefined()
})
