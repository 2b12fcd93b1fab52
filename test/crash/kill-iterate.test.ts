/** `kill -9` of the process that carries an iterate run out: its session is told by the next one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import { startServing } from './serving-process.ts'

test('a run whose process was killed is abandoned and gets its row; its key gets an answer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-kill-iterate-'))
  await using models = await startFakeOpenAi()
  models.always('hang-before-headers')
  const env = { LATTICE_PROVIDER: 'openai', OPENAI_API_KEY: 'of-the-fake-server', OPENAI_BASE_URL: models.url }
  const headers = { 'content-type': 'application/json', 'x-lakehouse-trace-id': 'killed', 'idempotency-key': 'once' }
  const body = JSON.stringify({ kind: 'json', prompt: 'One', model: 'openai/m' })
  const first = await startServing({ folder, env })
  const asking = fetch(`${first.url}/v1/iterate`, {
    method: 'POST',
    headers,
    body,
  }).catch(() => 'cut')
  await eventually('the model is asked', async () => (models.callCount === 1 ? true : undefined))
  await first.kill('SIGKILL')
  expect(await asking).toBe('cut')
  const second = await startServing({ folder, env })
  try {
    const row = await eventually('its row', async () => {
      const text = await Promise.resolve()
        .then(() => readFileSync(join(folder, 'data', 'sessions.jsonl'), 'utf8'))
        .catch(() => '')
      return text.endsWith('\n') ? text : undefined
    })
    expect(JSON.parse(row)).toMatchObject({
      session_id: 'killed',
      final_verdict: 'abandoned',
      iterations: 0,
      attempts: [{ iteration: 0, verdict_kind: 'infra_error', error: 'not judged' }],
    })
    // Nobody had an answer: the key gets one.
    models.reset()
    models.answerWith('{"n": 1}')
    const again = await fetch(`${second.url}/v1/iterate`, { method: 'POST', headers, body })
    expect([again.status, await again.json()]).toMatchObject([200, { artifact: { n: 1 } }])
  } finally {
    await second.kill('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
}, 120_000)
