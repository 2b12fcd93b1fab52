import { counted } from './counted.ts'

/**
 * How a run ended, in words, and what its asker can do; programs have `outcome` and `reason` as they are.
 *
 * A reason nobody wrote words for is shown as it is.
 */
export interface Ending {
  readonly outcome: string
  readonly reason: string | null
  /** Model calls, failed ones too. */
  readonly attempts: number
}

export function outcomeText(ending: Ending): { readonly text: string; readonly remedy: string } {
  const { outcome, reason } = ending
  if (reason === null || reason === outcome) return { text: `the run ended ${outcome}`, remedy: '' }
  const { words, remedy = '' } = reasons(ending)[reason] ?? { words: reason }
  return { text: `the run ended ${outcome}: ${words}`, remedy }
}

interface Reason {
  readonly words: string
  readonly remedy?: string
}

const checkProviders = 'check the URLs and keys named below, or run: lattice doctor'
const askAgain = 'ask again'

function reasons({ attempts }: Ending): Readonly<Record<string, Reason>> {
  const used = attempts === 1 ? 'the 1 attempt it may take is used' : `all ${counted(attempts, 'attempt')} are used`
  return {
    providers: { words: 'no provider answered', remedy: checkProviders },
    attempts: {
      words: used,
      remedy: 'mend what is named below, ask another model, or allow more: --max-attempts (LATTICE_MAX_ATTEMPTS)',
    },
    answers: { words: 'it was answered as often as it may be, and no answer was accepted', remedy: askAgain },
    'same-answer': {
      words: 'the built-in model would only give the same answer again',
      remedy: 'configure a model provider, or leave out --validator; lattice doctor shows what is configured',
    },
    deadline: {
      words: 'the deadline passed',
      remedy: 'allow longer by --deadline-ms (LATTICE_DEADLINE_MS), or see by lattice doctor what answers',
    },
    cost: { words: 'the money it may cost is spent' },
    'budget-spent': {
      words: 'its budget has no room for the call',
      remedy: 'make it smaller by --max-tokens, or raise the limit; lattice budgets shows what is left',
    },
    'budget-unavailable': { words: 'its budget could not be asked in time', remedy: askAgain },
    poison: {
      words: 'it was taken over again and again without getting a step further',
      remedy: 'see what its processes died of, then ask again',
    },
    'server.closing': { words: 'the server that carried it out was stopped', remedy: askAgain },
    cut: { words: 'the answer was cut off', remedy: checkProviders },
    timeout: { words: 'the answer took too long', remedy: checkProviders },
  }
}
