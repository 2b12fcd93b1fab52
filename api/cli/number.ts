import { Failure } from '#processors/ports/failure.ts'
import type { CliContext } from './command.ts'

/** A whole number given as an option. Errors: `request.invalid`, naming the option and what it takes. */
export function wholeNumber(
  { options }: Pick<CliContext, 'options'>,
  name: string,
  allowed: { readonly least: number; readonly most?: number },
): number | undefined {
  const given = options[name]
  if (given === undefined) return undefined
  const { least, most = Number.MAX_SAFE_INTEGER } = allowed
  const number = typeof given === 'string' && /^\d{1,16}$/.test(given) ? Number(given) : NaN
  if (number >= least && number <= most) return number
  const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  const range = allowed.most === undefined ? `of at least ${least}` : `from ${least} to ${most}`
  throw new Failure('request.invalid', `${flag} can't be '${String(given)}': it takes a whole number ${range}`)
}
