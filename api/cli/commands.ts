import type { CliCommand } from './command.ts'

/** Every command, in the order `lattice --help` shows them. Adding one is a line here and a file beside it. */
export const commands: readonly CliCommand[] = [
  {
    usage: 'run <prompt>',
    summary: 'carry out one task here and now, and print the answer',
    options: [
      ['--model <model>', 'the model to ask (LATTICE_MODEL)'],
      ['--provider <provider>', 'the one provider to ask (LATTICE_PROVIDER)'],
      ['--system <text>', 'a system message before the prompt'],
      ['--validator <name>', 'what judges the answer: answered | json'],
      ['--temperature <number>', 'sampling temperature (LATTICE_TEMPERATURE)'],
      ['--max-tokens <number>', 'longest answer (LATTICE_MAX_TOKENS)'],
      ['--no-rag', 'attach no passages of this folder'],
      ['--json', 'print the whole result as JSON'],
    ],
    examples: ['lattice run "What does this project do, and for whom?"'],
    load: async () => (await import('./run.ts')).run,
  },
  {
    usage: 'serve',
    summary: 'serve the API, keep the stores, carry out tasks',
    options: [['--role <roles>', 'api, stores, worker, comma-separated; default all']],
    load: async () => (await import('./serve.ts')).serve,
  },
]
