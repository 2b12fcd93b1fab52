import type { Counterfactual, Pair } from '#processors/kinds/replay/counterfactual.command.ts'

/**
 * What past runs and their counterfactuals came to, side by side, for people. A text is marked as `git diff --word-diff`
 * does it.
 */
export function counterfactualText({ pairs, tests }: Counterfactual): string {
  const blocks = pairs.map(blockOf)
  if (pairs.length === 0) return 'nothing was compared'
  const test = (name: keyof typeof tests, better: string): string => {
    const { better: more, worse, ties, p } = tests[name]
    return `${name.padEnd(8)} ${better} ${more}, the other way ${worse}, equal ${ties}; sign test p = ${shown(p)}`
  }
  const summary = [test('verdict', 'accepted now alone'), test('cost', 'cheaper now'), test('latency', 'faster now')]
  return [...blocks, summary.join('\n')].join('\n\n')
}

type RunSide = Pair['original']

function blockOf({ original, replayed, difference }: Pair): string {
  const rows: readonly (readonly [string, (side: RunSide) => string])[] = [
    ['run', ({ runId }) => runId],
    ['model', ({ provider, model }) => (model === null ? '' : `${provider ?? ''} ${model}`)],
    [
      'verdict',
      ({ outcome, passed, reason }) =>
        `${outcome}${passed === null ? '' : passed ? ', passed' : ', not passed'}${reason === null ? '' : ` (${reason})`}`,
    ],
    ['attempts', ({ attempts }) => String(attempts)],
    ['cost', ({ costMicroUsd }) => `$${(costMicroUsd / 1e6).toFixed(6)}`],
    ['latency', ({ latencyMs }) => `${Math.round(latencyMs)} ms`],
    ['tokens', ({ promptTokens, completionTokens }) => `${promptTokens} in, ${completionTokens} out`],
  ]
  const width = Math.max(...rows.map(([, of]) => of(original).length))
  const lines = rows.map(([name, of]) => `${name.padEnd(9)} ${of(original).padEnd(width)}  ${of(replayed)}`.trimEnd())
  const { wordsAdded, wordsRemoved } = difference
  const same = wordsAdded + wordsRemoved === 0
  return [
    ...lines,
    same ? 'text      the same' : `text      ${wordsRemoved} words less, ${wordsAdded} more`,
    ...(same ? [] : [marked(difference)]),
  ].join('\n')
}

/** A p this small is not zero. */
function shown(p: number): string {
  return p >= 0.001 ? p.toFixed(3) : p.toExponential(1)
}

function marked({ parts }: Pair['difference']): string {
  const mark = { same: ['', ''], added: ['{+', '+}'], removed: ['[-', '-]'] } as const
  return parts.map(({ is, text }) => `${mark[is][0]}${text}${mark[is][1]}`).join('')
}
