/** What Node says of a certificate, as what to set. */
import { expect, test } from 'vitest'
import { tlsRemedy } from '#infra/tls/tls-trouble.ts'

test.for([
  ['SELF_SIGNED_CERT_IN_CHAIN', /NODE_EXTRA_CA_CERTS/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /NODE_EXTRA_CA_CERTS/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /as its certificate does/],
  ['CERT_HAS_EXPIRED', /valid today/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /speaks no TLS/],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', /TLS versions/],
] as const)('%s', ([code, remedy]) => {
  const error = Object.assign(new Error('x'), { code })
  expect(tlsRemedy(error)).toMatch(remedy)
  expect(tlsRemedy(new Error('around it', { cause: error }))).toMatch(remedy)
})

test('what is no trouble of TLS is not taken for one', () => {
  expect(tlsRemedy(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))).toBeUndefined()
  expect(tlsRemedy('x')).toBeUndefined()
})
