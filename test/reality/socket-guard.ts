/**
 * Loaded into a program under test: any connection but to the allowed port (TEST_ALLOWED_PORT, none where unset) throws.
 */
import { Socket } from 'node:net'

const allowed = process.env['TEST_ALLOWED_PORT']
const connect = Reflect.get(Socket.prototype, 'connect') as (...args: unknown[]) => Socket

Socket.prototype.connect = function guarded(this: Socket, ...args: unknown[]): Socket {
  const port = portOf(args)
  if (port !== allowed) {
    process.stderr.write(`forbidden connection to ${JSON.stringify(args[0])}\n`)
    process.exit(86)
  }
  return connect.apply(this, args)
}

/** Node's own callers wrap options and callback in one array. */
function portOf(args: readonly unknown[]): string | undefined {
  const first: unknown = Array.isArray(args[0]) ? (args[0] as unknown[])[0] : args[0]
  const port = typeof first === 'object' && first !== null ? (first as { port?: unknown }).port : first
  return typeof port === 'number' || typeof port === 'string' ? String(port) : undefined
}
