import { Failure } from '#processors/ports/failure.ts'
import type { CliAction } from './command.ts'

/** `lattice completion <shell>`: a script for the shell, made from the list of commands. */
export const completion: CliAction = async ({ arguments: [shell = ''], commands, print }) => {
  const words = commands.map(({ usage, options }) => ({
    path: usage.split(' ').filter((word) => !/^[<[]/.test(word)),
    flags: (options ?? []).flatMap(([flags]) => flags.match(/--[a-z-]+/g) ?? []),
  }))
  const make = shells[shell]
  if (make === undefined)
    throw new Failure('request.invalid', `completion is made for: ${Object.keys(shells).join(', ')}`)
  print.out(make(words))
  return 0
}

type Words = readonly { readonly path: readonly string[]; readonly flags: readonly string[] }[]

const shells: Readonly<Record<string, (words: Words) => string>> = { bash, zsh, fish }

function bash(words: Words): string {
  const cases = byPrefix(words)
    .map(([prefix, next]) => `    ${JSON.stringify(prefix)}) words=${JSON.stringify(next.join(' '))} ;;`)
    .join('\n')
  const known = byPrefix(words).flatMap(([prefix]) => (prefix === '' ? [] : [JSON.stringify(prefix)]))
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
    .join('\n')
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
