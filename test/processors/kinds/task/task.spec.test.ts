/** A task request becomes a specification that says everything a run depends on later. */
import { describe, expect, test } from 'vitest'
import { type TaskDefaults, type TaskRequest, taskSpec } from '#processors/kinds/task/task.spec.ts'
import { Failure } from '#processors/ports/failure.ts'

const defaults: TaskDefaults = {
  route: ({ provider = 'groq', model = 'small' }) => [{ provider, model }],
  temperature: 0.2,
  maxTokens: undefined,
  attempts: 6,
  attemptTimeoutMs: 10_000,
  deadlineMs: 60_000,
  retrieval: { corpora: ['folder'], k: 5, threshold: 0.3 },
  folder: '/somewhere',
}
const who = { principal: 'local', interactive: true }
const specOf = (request: Partial<TaskRequest>, given: Partial<TaskDefaults> = {}) =>
  taskSpec({ prompt: 'question', ...request }, { ...defaults, ...given }, who)

describe('a specification', () => {
  test('has the defaults of a task that says no more than its prompt', async () => {
    expect(await specOf({})).toMatchObject({
      kind: 'task',
      messages: JSON.stringify([{ role: 'user', content: 'question' }]),
      retrieval: { query: 'question', corpora: ['folder'], k: 5, threshold: 0.3 },
      ladder: [{ name: 'default', choices: [{ provider: 'groq', model: 'small' }] }],
      validator: 'answered',
      validatorOptions: null,
      parameters: '{"temperature":0.2}',
      limits: {
        attempts: 6,
        attemptTimeoutMs: 10_000,
        deadlineMs: 60_000,
        costMicroUsd: null,
        answers: null,
        once: false,
      },
      principal: 'local',
      interactive: true,
      folder: '/somewhere',
      bodyHash: null,
      tags: {},
      redactions: 0,
      traceId: null,
    })
  })

  test('has what the task says instead', async () => {
    const spec = await specOf({
      system: 'be brief',
      provider: 'openai',
      model: 'large',
      validator: 'json',
      validatorOptions: { a: 1 },
      temperature: 0,
      maxTokens: 7,
      maxAttempts: 1,
      deadlineMs: 5,
      corpora: ['own'],
      k: 2,
      tags: { team: 'a' },
    })
    expect(spec).toMatchObject({
      ladder: [{ choices: [{ provider: 'openai', model: 'large' }] }],
      validator: 'json',
      validatorOptions: '{"a":1}',
      parameters: '{"temperature":0,"max_tokens":7}',
      limits: { attempts: 1, deadlineMs: 5 },
      retrieval: { corpora: ['own'], k: 2, threshold: 0.3 },
      tags: { team: 'a' },
    })
    expect(JSON.parse(spec.messages as string)).toEqual([
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'question' },
    ])
  })

  test('asks for no retrieval where the task or the settings do not', async () => {
    expect((await specOf({ retrieval: false, corpora: ['own'] })).retrieval).toBeNull()
    expect((await specOf({ corpora: [] })).retrieval).toBeNull()
    const { retrieval: _, ...without } = defaults
    expect((await taskSpec({ prompt: 'p' }, { ...without, retrieval: undefined }, who)).retrieval).toBeNull()
    expect(
      (await taskSpec({ prompt: 'p', corpora: ['own'] }, { ...without, retrieval: undefined }, who)).retrieval,
    ).toMatchObject({ corpora: ['own'] })
  })

  test.for<[string, Partial<TaskRequest>]>([
    ['prompt', { prompt: ' \n' }],
    ['validator nobody', { validator: 'nobody' }],
    ['validator toString', { validator: 'toString' }],
    ['schema', { validator: 'json_schema' }],
    ['schema', { validator: 'json_schema', validatorOptions: { schema: { type: 'objekt' } } }],
    ['target_count', { validator: 'fill', validatorOptions: { target_count: 'many' } }],
  ])('is refused for %s', async ([named, request]) => {
    const refused = specOf(request)
    await expect(refused).rejects.toThrow(Failure)
    await expect(refused).rejects.toThrow(named)
  })
})
