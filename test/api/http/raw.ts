/** Bytes on a socket, as no client library would send them. */
import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends the parts one after the other and reads until the server closes; `asIs` leaves out `connection: close`. */
export function raw(port: number, ...parts: readonly (string | Buffer)[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      const text = Buffer.concat(chunks).toString('utf8')
      const [head = '', ...rest] = text.split('\r\n\r\n')
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), head, body: rest.join('\r\n\r\n') })
    })
    for (const part of parts) socket.write(part)
  })
}

/** A request's first lines, the connection closed after it. */
export function head(line: string, ...headers: readonly string[]): string {
  return [line, 'host: 127.0.0.1', 'connection: close', ...headers, '', ''].join('\r\n')
}
