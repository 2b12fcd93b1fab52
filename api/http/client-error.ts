import type { Socket } from 'node:net'
import { problemText, problemType, statusOf } from './problem.ts'
import type { ProblemCode } from './problem.ts'

/** Bytes that are no request, or too slow to become one: a problem document, and the connection is closed. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  const { code, detail } = problemOf(error)
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const status = statusOf[code] ?? 400
  const body = problemText({ status, code, detail })
  socket.end(
    `HTTP/1.1 ${status} ${code}\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  )
}

function problemOf({ code }: NodeJS.ErrnoException): { code: ProblemCode; detail: string } {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { code: 'request.timeout', detail: 'the request took too long to arrive' }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return { code: 'request.headers-too-large', detail: 'the address and headers are larger than 16 KiB' }
  }
  return { code: 'request.invalid', detail: 'this is not an HTTP request' }
}
