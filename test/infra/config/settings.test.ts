/** The table of settings as a whole. */
import { expect, test } from 'vitest'
import { everySetting } from '#infra/config/settings.ts'

test('no variable and no flag belongs to two settings', () => {
  const names = [...everySetting.values()].flatMap(({ env, flag }) => [...env, ...(flag === undefined ? [] : [flag])])
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})

test('every default is allowed', () => {
  const refused = [...everySetting].filter(([, { kind, default: value }]) => {
    const text = Array.isArray(value) ? value.join(',') : JSON.stringify(value)?.replaceAll('"', '')
    return text !== undefined && text !== '' && kind.read(text, '/') === undefined
  })
  expect(refused.map(([name]) => name)).toEqual([])
})

test('what holds a key, a token or headers is marked as secret', () => {
  const secrets = [...everySetting].filter(([, one]) => one.secret === true).map(([, { env }]) => env[0])
  const named = [...everySetting.values()]
    .map(({ env }) => env[0])
    .filter((name) => /(_KEY|_TOKEN|_PASSWORD|_HEADERS)$/.test(name))
  expect(secrets.sort()).toEqual(named.sort())
})
