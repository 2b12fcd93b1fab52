/** A Redis that is killed keeps what it acknowledged, its port, and dies with its owner. */
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { startRedis } from '#scripts/services/redis.ts'

test('a killed Redis comes back on its port with what it acknowledged', async () => {
  await using server = await startRedis({ fsync: 'always' })
  const before = server.pid
  const client = new Redis(server.url, { lazyConnect: true })
  client.on('error', () => {})
  await client.set('name', 'value')
  await server.kill('SIGKILL')
  await server.restart()
  expect(server.pid).not.toBe(before)
  expect(await client.get('name')).toBe('value')
  client.disconnect()
})
