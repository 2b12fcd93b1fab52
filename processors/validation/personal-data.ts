/**
 * Personal data that stands in a text: addresses, phone numbers, social security numbers, card numbers.
 *
 * Promise: linear in the text's length. Digits of other scripts and letters that don't show hide nothing. Card numbers are
 * told by their check digit, dates are no phone numbers; a number that nobody can tell from a phone number is one.
 */
export interface PersonalDatum {
  readonly what: 'email address' | 'phone number' | 'social security number' | 'card number'
  readonly text: string
}

export function personalData(text: string): readonly PersonalDatum[] {
  let plain = text.normalize('NFKC').replaceAll(/\p{Cf}/gu, '')
  const found: PersonalDatum[] = []
  const take = (what: PersonalDatum['what'], form: RegExp, counts: (found: string) => boolean = () => true): void => {
    plain = plain.replaceAll(form, (one) => {
      if (!counts(one)) return one
      found.push({ what, text: one.trim() })
      return ' ~ '
    })
  }
  take('email address', /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/gu)
  plain = plain.replaceAll(
    /(?<!\d)\d{4}([-./])\d{1,2}\1\d{1,2}(?!\d)|(?<!\d)\d{1,2}([-./])\d{1,2}\2\d{4}(?!\d)/g,
    ' ~ ',
  )
  take('social security number', /(?<!\d)\d{3}[- .]\d{2}[- .]\d{4}(?!\d)/g)
  take('card number', /(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)/g, (one) => passesLuhn(digitsOf(one)))
  take('phone number', /(?<![\d\p{L}])(?:\+|\()?\d(?:[ ().-]{0,3}\d){9,14}(?!\d)/gu)
  take('phone number', /(?<![\d-])\d{3}[-.]\d{4}(?![\d-])/g)
  return found
}

/** Whether two phone numbers are the same one, a country's prefix aside. */
export function isSamePhone(one: string, other: string): boolean {
  const [a, b] = [digitsOf(one.normalize('NFKC')), digitsOf(other.normalize('NFKC'))]
  if (a.length < 7 || b.length < 7) return false
  return a === b || (a.length >= 10 && b.length >= 10 && a.slice(-10) === b.slice(-10))
}

function digitsOf(text: string): string {
  return text.replaceAll(/\D/g, '')
}

/** Source: ISO/IEC 7812-1, annex B. */
function passesLuhn(digits: string): boolean {
  let sum = 0
  for (const [index, digit] of digits.split('').toReversed().entries()) {
    const doubled = Number(digit) * (index % 2 === 0 ? 1 : 2)
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}
