/**
 * Content-addressed storage for what is too large for a record (claim check, R14).
 *
 * Promise: `put` returns only when the bytes are as durable as the backend makes them; the same bytes are stored once;
 * a put of bytes already there refreshes their age. The name is the lower-case hex SHA-256 of the bytes.
 */
export interface Objects {
  put(bytes: Uint8Array): Promise<string>
  /** The bytes, checked against their name. Errors: `object.missing`. */
  get(sha256: string): Promise<Uint8Array>
  has(sha256: string): Promise<boolean>
  /** Everything stored, in no order. */
  list(): AsyncIterable<{ sha256: string; sizeBytes: number; modifiedAt: number }>
  remove(sha256: string): Promise<void>
}
