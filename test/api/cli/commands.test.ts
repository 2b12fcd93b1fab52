/** The list of commands: complete, and true to the settings. */
import { expect, test } from 'vitest'
import { commands } from '#api/cli/commands.ts'
import { everySetting } from '#infra/config/settings.ts'
import { keyless, lattice, makeFolder, removeFolder } from './cli-process.ts'

test('these are the commands', () => {
  expect(commands.map(({ usage }) => usage)).toEqual([
    'run <prompt>',
    'replay [task]',
    'serve',
    'runs',
    'logs [run]',
    'status',
    'events <topic>',
    'store list',
    'store status',
    'store rebuild <store>',
    'store diff <store> [build]',
    'store promote <store> [build]',
    'store rollback <store>',
    'store remove <store> <build>',
    'search <query>',
    'sql <select>',
    'budgets',
    'dead-letters list',
    'dead-letters show <letter>',
    'dead-letters resubmit <letter>',
    'dead-letters discard <letter>',
    'export <file>',
    'import <file>',
    'backup <folder>',
    'restore <folder>',
    'doctor',
    'verify',
    'completion <shell>',
  ])
})

test.for(commands.map(({ usage, load }) => [usage, load] as const))('%s can be loaded', async ([, load]) => {
  expect(await load()).toBeTypeOf('function')
})

test('a flag a setting names is an option of a command, or of the program', async () => {
  const folder = makeFolder()
  const { stdout, code } = await lattice(['--help'], { folder, env: keyless })
  removeFolder(folder)
  expect(code).toBe(0)
  expect(stdout).toContain('Exit codes: 0 done')
  const flags = commands.flatMap(({ options = [] }) => options.map(([flag]) => flag))
  const named = [...everySetting.values()].flatMap(({ flag }) => (flag === undefined ? [] : [flag.split(' ')[0] ?? '']))
  expect(
    named.filter((flag) => !stdout.includes(`${flag} `) && !flags.some((one) => one.split(/[ ,]+/).includes(flag))),
  ).toEqual([])
})
