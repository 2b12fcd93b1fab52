import { Failure } from '#processors/ports/failure.ts'
import { topicNames } from '#schemas/topics.ts'
import type { CliAction } from './command.ts'

/** `lattice completion <shell>`: a script for the shell, made from the list of commands. */
export const completion: CliAction = async ({ arguments: [shell = ''], commands, print }) => {
  const words = [
    { path: [], flags: globalFlags },
    ...commands.map(({ usage, options }) => {
      const path = usage.split(' ').filter((word) => !/^[<[]/.test(word))
      const flags = (options ?? []).flatMap(([flag]) => flag.match(/--[a-z-]+/g) ?? [])
      return { path, flags: [...flags, ...(argumentsOf.get(/<[a-z]+>/.exec(usage)?.[0] ?? '') ?? [])] }
    }),
  ]
  const make = shells[shell]
  if (make === undefined)
    throw new Failure('request.invalid', `completion is made for: ${Object.keys(shells).join(', ')}`)
  print.out(make(words))
  return 0
}

/** Those of every command; `program.ts` has their meaning. */
const globalFlags = ['--data', '--log', '--runs-dir', '--config', '--log-level', '--version', '--help']

/** What stands for an argument, by its name in the usage. A file is the shell's own to complete. */
const argumentsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ['<store>', ['lookup', 'search', 'folders', 'warehouse']],
  ['<shell>', ['bash', 'zsh', 'fish']],
  ['<topic>', topicNames],
])

/** What may follow a flag. Nothing for one that takes a path, which is the shell's own to complete. */
const valuesOf: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['--validator', ['answered', 'json', 'json_schema', 'fill', 'email', 'playbook', 'replay']],
  ['--role', ['api', 'stores', 'worker']],
  ['--log-level', ['trace', 'debug', 'info', 'warn', 'error', 'silent']],
  ...['--data', '--runs-dir', '--config', '--root', '--prompt-file'].map((flag) => [flag, []] as const),
])

/** Commands whose argument is a path. */
const takesPath = ['export', 'import', 'backup', 'restore']

type Words = readonly { readonly path: readonly string[]; readonly flags: readonly string[] }[]

const shells: Readonly<Record<string, (words: Words) => string>> = { bash, zsh, fish }

function bash(words: Words): string {
  const cases = byPrefix(words)
    .map(([prefix, next]) => `    ${JSON.stringify(prefix)}) words=${JSON.stringify(next.join(' '))} ;;`)
    .join('\n')
  const known = byPrefix(words).flatMap(([prefix]) => (prefix === '' ? [] : [JSON.stringify(prefix)]))
  const values = [...valuesOf]
    .map(([flag, next]) => `    ${flag}) words=${JSON.stringify(next.join(' '))}; path=value ;;`)
    .join('\n')
  return `_lattice() {
  local word words="" path=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
    ${known.join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases}
  esac
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${values}
  esac
  case "$path/\${COMP_WORDS[COMP_CWORD]}" in
    */-*) ;;
    ${takesPath.map((name) => `${name}/*`).join('|')}) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _lattice lattice`
}

function zsh(words: Words): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`
}

function fish(words: Words): string {
  return byPrefix(words)
    .flatMap(([prefix, next]) => {
      const seen = prefix.split(' ').filter(Boolean)
      const condition =
        seen.length === 0
          ? '__fish_use_subcommand'
          : seen.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
      return next.map((word) => {
        const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`
        return `complete -c lattice -n '${condition}' ${what}`
      })
    })
    .concat([...valuesOf].map(([flag, next]) => `complete -c lattice -l ${flag.slice(2)} ${fishValues(next)}`))
    .join('\n')
}

/** `-F`: files. */
function fishValues(next: readonly string[]): string {
  return next.length === 0 ? '-r -F' : `-x -a '${next.join(' ')}'`
}

/** What may follow each line of words. */
function byPrefix(words: Words): [string, string[]][] {
  const next = new Map<string, Set<string>>()
  const add = (prefix: readonly string[], word: string): void => {
    const key = prefix.join(' ')
    next.set(key, (next.get(key) ?? new Set()).add(word))
  }
  for (const { path, flags } of words) {
    add(path, '--help')
    path.forEach((word, index) => add(path.slice(0, index), word))
    for (const flag of flags) add(path, flag)
  }
  return [...next].map(([prefix, found]) => [prefix, [...found]])
}
