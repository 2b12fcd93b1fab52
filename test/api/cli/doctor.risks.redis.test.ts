/**
 * A Redis that may lose what it acknowledged, over TLS and with a user, from the command line: those who look after it
 * are told, and everybody else gets answers.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '#scripts/services/redis.ts'
import { keyless, lattice, makeFolder, removeFolder } from './cli-process.ts'

const account = { user: 'alice', password: 'c0rrect-horse' }
const folder = makeFolder()
let server: RedisServer
let env: Readonly<Record<string, string>>

beforeAll(async () => {
  server = await startRedis({ account, settings: { appendonly: 'no' } })
  const { port, authority } = server.secured ?? { port: 0, authority: '' }
  const address = `rediss://${account.user}:${account.password}@127.0.0.1:${port}`
  env = { ...keyless, LATTICE_LOG: address, NODE_EXTRA_CA_CERTS: authority }
})

afterAll(async () => {
  await server.stop()
  removeFolder(folder)
})

test('run and runs answer, and say nothing of how the server is set', { timeout: 60_000 }, async () => {
  const ran = await lattice(['run', 'What does Tidewater keep?'], { folder, env })
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('lighthouse log') })
  const listed = await lattice(['runs'], { folder, env })
  expect(listed).toMatchObject({ code: 0, stderr: '' })
  expect(`${ran.stderr}${listed.stdout}`).not.toMatch(/appendonly|"level"/)
})

test('doctor and verify say it once, for people, without the password', { timeout: 60_000 }, async () => {
  const doctor = await lattice(['doctor'], { folder, env })
  const verify = await lattice(['verify'], { folder, env })
  const said = /log may lose.*appendonly no: a crash of the server loses/g
  expect(`${doctor.stdout}${doctor.stderr}`.match(said)).toHaveLength(1)
  expect(verify).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(✓ .*\n){4}$/) })
  expect(verify.stderr.match(said)).toHaveLength(1)
  expect([doctor, verify].map(({ stdout, stderr }) => stdout + stderr).join('')).not.toMatch(/"level"|c0rrect-horse/)
})

test('an authority nobody trusts is a sentence that says what to set', { timeout: 60_000 }, async () => {
  const { NODE_EXTRA_CA_CERTS: _, ...untrusting } = env
  expect(await lattice(['runs'], { folder, env: untrusting })).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/certificate[\s\S]*NODE_EXTRA_CA_CERTS/),
  })
})
