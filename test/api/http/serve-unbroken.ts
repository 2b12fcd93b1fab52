/** A server for a file of tests, none of which may break it: after each it answers, and none was answered with a 500. */
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { serving } from './serving.ts'
import type { Serving } from './serving.ts'

export function serveUnbroken(began: (server: Serving) => void): void {
  let server: Serving
  beforeAll(async () => {
    server = await serving({ worker: false })
    began(server)
  })
  afterAll(() => server.close())
  afterEach(async () => {
    expect(server.signals.filter(({ signal }) => signal === 'request.failed')).toEqual([])
    expect((await server.ask('/health')).status).toBe(200)
  })
}
