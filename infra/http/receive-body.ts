/**
 * A response body, taken in as it comes and kept whole.
 *
 * Promise: settles once, whatever the connection does. No more than `answerLimitBytes` are held, and an endless body
 * costs no more than that. `take` sees every piece in order; once it has enough, the rest is awaited for a moment, so that
 * the connection can be used again, and then the connection is ended.
 */
import type { Readable } from 'node:stream'
import { answerLimitBytes } from '#processors/ports/model-provider.ts'

export interface ReceivedBody {
  /** All of it; of a too large one the first MiB. */
  readonly bytes: Buffer
  readonly end: 'whole' | 'broken' | 'too-large'
  readonly error?: unknown
}

/** Gets each piece; answers whether more is wanted. What it throws is the rejection of `receiveBody`. */
export type Take = (piece: Uint8Array) => boolean

/** How much of a too large answer is kept. */
const keptOfTooLarge = 1024 * 1024
/** How long the end of a body is awaited that has said all it has to say. */
const graceMs = 250

export async function receiveBody(
  body: Readable,
  { announcedBytes, take = () => true }: { readonly announcedBytes: number; readonly take?: Take },
): Promise<ReceivedBody> {
  const most = announcedBytes > answerLimitBytes ? keptOfTooLarge : answerLimitBytes
  const pieces: Uint8Array[] = []
  let size = 0
  let grace: NodeJS.Timeout | undefined
  let settled = false
  return await new Promise<ReceivedBody>((resolve, reject) => {
    const settle = (end: ReceivedBody['end'], error?: unknown) => {
      if (settled) return
      settled = true
      clearTimeout(grace)
      const bytes = end === 'too-large' ? firstBytes(pieces, keptOfTooLarge) : Buffer.concat(pieces, size)
      resolve({ bytes, end, ...(error !== undefined && { error }) })
    }
    if (body.destroyed) return settle('broken', body.errored ?? undefined)
    body.on('data', (piece: Uint8Array) => {
      if (settled) return
      pieces.push(piece)
      size += piece.length
      if (size > most) {
        settle('too-large')
        return void body.destroy()
      }
      if (grace !== undefined) return
      try {
        if (take(piece)) return
      } catch (error) {
        settled = true
        reject(error instanceof Error ? error : new Error(String(error)))
        return void body.destroy()
      }
      grace = setTimeout(() => {
        settle('whole')
        body.destroy()
      }, graceMs)
    })
    body.on('end', () => settle('whole'))
    body.on('error', (error) => settle('broken', error))
    body.on('close', () => settle('broken'))
  })
}

function firstBytes(pieces: readonly Uint8Array[], most: number): Buffer {
  const enough: Uint8Array[] = []
  let size = 0
  for (const piece of pieces) {
    if (size >= most) break
    enough.push(piece)
    size += piece.length
  }
  return Buffer.concat(enough, Math.min(size, most))
}
