/**
 * What is wrong between us and a server of the log that is to be encrypted, and what to change: by Node's error code.
 *
 * Promise: total; undefined is said of an error that has nothing to do with TLS.
 * Source of the codes: https://nodejs.org/api/tls.html#x509-certificate-error-codes
 */

/** One sentence or two for a person; undefined when it is no trouble of TLS. */
export function tlsRemedy(error: unknown): string | undefined {
  const code = codeOf(error)
  if (code === undefined) return undefined
  if (unknownAuthority.has(code)) {
    return "Set NODE_EXTRA_CA_CERTS in the environment (a .env comes too late for it) to a PEM file of that server's authority."
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'Name the server in LATTICE_LOG as its certificate does, or give it a certificate for the name that is used.'
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return "Give the server a certificate that is valid today, and check this machine's clock."
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return 'That port speaks no TLS: name its encrypted port in LATTICE_LOG, or leave out the encryption.'
  }
  if (code === 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' || code === 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE') {
    return 'That server may ask for a certificate of its clients, which Lattice does not send: let it ask for a password.'
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('CERT_'))
    return 'Check the certificate and the TLS versions there.'
  return undefined
}

const unknownAuthority: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
])

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  return codeOf(error.cause)
}
