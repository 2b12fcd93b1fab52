/**
 * Secrets known by their form: what providers' keys, tokens and private keys look like.
 *
 * Promises: each pattern is tried once a token and looks at a bounded stretch, so time is linear; no pattern matches
 * across a quote, so JSON stays JSON. Words joined by dashes after a prefix (`sk-learn-based-…`) are not keys.
 */
interface Form {
  readonly name: string
  /** Without this in the text there is nothing to look for. */
  readonly hints: readonly string[]
  /** What it matches is replaced; a group named `keep` in front of it stays. */
  readonly pattern: RegExp
  /** Whether prose can look like it. */
  readonly unlessWords?: boolean
}

/** Where a token may begin: not inside a word, but right behind an escape such as `\n` in JSON. */
const start = String.raw`(?<=^|[^A-Za-z0-9_]|\\[bfnrt])`

const token = (source: string, flags = 'g') => new RegExp(start + source, flags)

const forms: readonly Form[] = [
  { name: 'anthropic', hints: ['sk-ant-'], pattern: token('sk-ant-[A-Za-z0-9_-]{16,300}') },
  { name: 'openai', hints: ['sk-'], pattern: token('sk-(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{16,300}') },
  { name: 'openai', hints: ['sk-'], pattern: token('sk-[A-Za-z0-9_-]{16,300}'), unlessWords: true },
  { name: 'groq', hints: ['gsk_'], pattern: token('gsk_[A-Za-z0-9]{16,200}') },
  { name: 'google', hints: ['AIza'], pattern: token('AIza[A-Za-z0-9_-]{30,60}') },
  { name: 'github', hints: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], pattern: token('gh[pousr]_[A-Za-z0-9]{20,255}') },
  { name: 'github', hints: ['github_pat_'], pattern: token('github_pat_[A-Za-z0-9_]{20,255}') },
  { name: 'gitlab', hints: ['glpat-'], pattern: token('glpat-[A-Za-z0-9_-]{20,100}') },
  { name: 'huggingface', hints: ['hf_'], pattern: token('hf_[A-Za-z0-9]{30,60}') },
  {
    name: 'slack',
    hints: ['xox', 'xapp-'],
    pattern: token('(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,250}'),
    unlessWords: true,
  },
  { name: 'stripe', hints: ['_live_'], pattern: token('[sr]k_live_[A-Za-z0-9]{16,200}') },
  {
    name: 'jwt',
    hints: ['eyJ'],
    // Not behind a dash either: a token that fails is long, and must not be tried again from each of its dashes.
    pattern:
      /(?<=^|[^A-Za-z0-9_-]|\\[bfnrt])eyJ[A-Za-z0-9_-]{8,8000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{0,8000}/g,
  },
  {
    // A secret key has no form of its own but its length, so it is taken where it follows its id or its name.
    name: 'aws',
    hints: ['AKIA', 'ASIA'],
    pattern: token(
      String.raw`(?<keep>A[KS]IA[A-Z0-9]{16}(?:[^A-Za-z0-9/+]{1,8}[A-Za-z]{1,12}){0,6}[^A-Za-z0-9/+]{1,8})[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])`,
    ),
  },
  { name: 'aws', hints: ['AKIA', 'ASIA'], pattern: token('A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])') },
  {
    name: 'aws',
    hints: ['ecret', 'ECRET'],
    pattern: /(?<keep>secret_?(?:access_?)?key[\\"'\s:=]{1,8})[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/gi,
  },
  {
    name: 'bearer',
    hints: ['uthorization', 'UTHORIZATION'],
    pattern: /(?<keep>authorization[\\"'\s:=]{1,8}bearer[ \t]{1,4})(?!\[redacted:)[^\s"'\\,;<>]{4,4000}/gi,
  },
  {
    name: 'bearer',
    hints: ['earer', 'EARER'],
    pattern: token(String.raw`(?<keep>bearer[ \t]{1,4})[A-Za-z0-9._~+/-]{16,4000}={0,2}`, 'gi'),
    unlessWords: true,
  },
  {
    name: 'basic',
    hints: ['uthorization', 'UTHORIZATION'],
    pattern: /(?<keep>authorization[\\"'\s:=]{1,8}basic[ \t]{1,4})[A-Za-z0-9+/]{6,4000}={0,2}/gi,
  },
  {
    name: 'password',
    hints: ['://', String.raw`:\/\/`],
    pattern: /(?<keep>:(?:\\?\/){2}[^\s/@:"'<>\\]{0,200}:)(?!\[redacted:)[^\s/@"'<>\\]{1,200}(?=@)/g,
  },
]

/** One look that tells most texts to hold nothing. */
const anyHint = new RegExp(
  [...forms.flatMap(({ hints }) => hints), 'PRIVATE KEY'].map((hint) => RegExp.escape(hint)).join('|'),
)

export function redactForms(text: string): { text: string; redactions: number } {
  if (!anyHint.test(text)) return { text, redactions: 0 }
  let redacted = text
  let redactions = 0
  for (const form of forms) {
    if (!form.hints.some((hint) => redacted.includes(hint))) continue
    redacted = redacted.replace(form.pattern, (found: string, ...rest: unknown[]) => {
      const groups = rest.at(-1)
      const keep = typeof groups === 'object' && groups !== null && 'keep' in groups ? String(groups.keep) : ''
      if (form.unlessWords === true && isWords(found.slice(keep.length))) return found
      redactions++
      return `${keep}[redacted:${form.name}]`
    })
  }
  const keys = redactPrivateKeys(redacted)
  return { text: keys.text, redactions: redactions + keys.redactions }
}

/** Letters in one case, or short numbers, joined by dashes: prose, an identifier, a placeholder. */
function isWords(found: string): boolean {
  return found.split(/[-_./]/).every((word) => /^(?:[A-Z]?[a-z]{0,14}|[A-Z]{0,14}|\d{1,4})$/.test(word))
}

const keyBegin = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g
const keyEnd = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/y
/** Without its end a key is still a key: lines of base64. */
const cutKey = /(?:(?:\s|\\{1,4}[nr]){0,8}[A-Za-z0-9+/=]{16,100}){1,400}/y
const noKeyText = /[^A-Za-z0-9+/=\\\s:,.-]/

function redactPrivateKeys(text: string): { text: string; redactions: number } {
  const parts: string[] = []
  let copied = 0
  for (const begin of text.matchAll(keyBegin)) {
    if (begin.index < copied) continue
    const end = privateKeyEnd(text, begin.index + begin[0].length)
    if (end === undefined) continue
    parts.push(text.slice(copied, begin.index), '[redacted:private-key]')
    copied = end
  }
  if (parts.length === 0) return { text, redactions: 0 }
  parts.push(text.slice(copied))
  return { text: parts.join(''), redactions: (parts.length - 1) / 2 }
}

/** Where a private key ends whose body starts at `body`; undefined when none is there. */
function privateKeyEnd(text: string, body: number): number | undefined {
  const dashes = text.indexOf('-----', body)
  keyEnd.lastIndex = dashes
  const isKey = dashes >= 0 && dashes - body <= 20_000 && !noKeyText.test(text.slice(body, dashes)) && keyEnd.test(text)
  if (isKey) return keyEnd.lastIndex
  cutKey.lastIndex = body
  return cutKey.test(text) ? cutKey.lastIndex : undefined
}
