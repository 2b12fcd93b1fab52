import type { CliContext } from './command.ts'

/** What a command that only looks says where there is no log: nothing, and how one comes to be. */
export function noLogYet({ loaded, options, print }: CliContext, nothing: object): 0 {
  if (options['json'] === true) print.json(nothing)
  else print.note(`there is no log yet at ${loaded.config.log}: lattice run or lattice serve makes it`)
  return 0
}
