import { createHash, hash as hashOnce } from 'node:crypto'

/**
 * Ids that are made of what they name, so that the same request or document has the same id everywhere.
 *
 * Source: UUIDv8 of RFC 9562, section 5.8: 122 bits of SHA-256 with the version and variant bits set.
 */
export function nameId(...parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part};`)
  const bytes = hash.digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export function sha256(content: string | Uint8Array): string {
  return hashOnce('sha256', content, 'hex')
}
