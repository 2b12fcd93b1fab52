import type { CliCommand } from './command.ts'

/** What the commands of two words have in common. */
export const groups: Readonly<Record<string, string>> = {
  store: 'builds of stores: rebuild one beside the live one, compare, promote',
  'dead-letters': 'records that were set aside: look at them, append them again, give them up',
}

/** ★ Every command, in the order `lattice --help` shows them. Adding one is a line here and a file beside it. */
export const commands: readonly CliCommand[] = [
  {
    usage: 'run <prompt>',
    summary: 'carry out one task here and now, and print the answer; - reads the prompt from stdin',
    options: [
      ['--model <model>', 'the model to ask: groq/…, ollama/…, tier/…; without a prefix that of the first provider'],
      ['--provider <provider>', 'the one provider to ask (LATTICE_PROVIDER)'],
      ['--base-url <url>', "the chosen provider's base URL (LATTICE_BASE_URL)"],
      ['--provider-order <names>', 'providers in the order they are tried (LATTICE_PROVIDER_ORDER)'],
      ['--system <text>', 'a system message before the prompt'],
      [
        '--validator <name>',
        'what judges the answer: answered | json | json_schema | fill | email | playbook | replay',
      ],
      ['--validator-options <json>', "the validator's own, as a JSON object: docs/validators.md"],
      ['--temperature <number>', 'sampling temperature (LATTICE_TEMPERATURE)'],
      ['--max-tokens <number>', 'longest answer (LATTICE_MAX_TOKENS)'],
      ['--max-attempts <number>', 'model calls at most (LATTICE_MAX_ATTEMPTS)'],
      ['--deadline-ms <ms>', 'how long it may take (LATTICE_DEADLINE_MS)'],
      ['--no-rag', 'attach no passages of this folder (LATTICE_USE_RAG=0)'],
      ['--json', 'print the whole result as JSON'],
    ],
    examples: [
      'lattice run "What does this project do, and for whom?"',
      'git diff | lattice run - --system "Review this."',
    ],
    load: async () => (await import('./run.ts')).run,
  },
  {
    usage: 'replay [task]',
    summary: 'carry out a task as it is known by now, judged and on record; or past runs on another model or prompt',
    options: [
      ['--root <folder>', 'whose playbooks are retrieved and where the row goes (LH_DISTILL_ROOT)'],
      ['--gateway-url <url>', 'the gateway to ask for every model (LH_GATEWAY_URL)'],
      ['--dry-run', 'ask no model; it is on record all the same'],
      ['--local-only', 'the local model alone'],
      ['--allow-escalation', 'ask the stronger model where the local answer does not pass'],
      ['--no-retrieval', 'retrieve nothing'],
      ['--local-model <model>', 'the local model; tier/local_fast otherwise'],
      ['--escalation-model <model>', 'the stronger model; tier/cloud_judge otherwise'],
      ['--run <id>', 'this past run, in place of a task'],
      ['--runs <where>', 'past runs, by a condition over the SQL view runs'],
      ['--model <model>', 'of past runs: the model to ask instead'],
      ['--system <text>', 'of past runs: the system prompt instead'],
      ['--prompt-file <file>', 'that system prompt, or the task, from a file'],
      ['--limit <number>', 'of past runs: how many at most, newest first; default 50'],
      ['--concurrency <number>', 'of past runs: how many at a time; default 4'],
      ['--json', 'as JSON'],
    ],
    examples: [
      'lattice replay "When does the gate open?" --allow-escalation',
      "lattice replay --runs \"kind = 'task' AND outcome = 'rejected'\" --model openrouter/openai/gpt-oss-120b",
    ],
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  {
    usage: 'serve',
    summary: 'serve the API, keep the stores, carry out tasks',
    options: [
      ['--role <roles>', 'api, stores, worker, comma-separated; default all'],
      ['--host <address>', 'the address to listen on (LATTICE_HOST)'],
      ['--port <port>', 'the port to listen on; 0 takes a free one (LATTICE_PORT)'],
    ],
    load: async () => (await import('./serve.ts')).serve,
  },
  {
    usage: 'runs',
    summary: 'the last runs, newest first',
    options: [
      ['--limit <number>', 'runs at most; default 20'],
      ['--json', 'as JSON'],
    ],
    load: async () => (await import('./runs.ts')).runs,
  },
  {
    usage: 'logs [run]',
    summary: "print a run's log, each line once; a run id or how it begins; without one, list the last runs",
    options: [
      ['-f, --follow', 'go on until the run has ended'],
      ['--limit <number>', 'without a run id: runs at most'],
      ['--json', 'without a run id: as JSON'],
    ],
    load: async () => (await import('./logs.ts')).logs,
  },
  {
    usage: 'status',
    summary: 'where the stores are, and how far behind the log',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./status.ts')).status,
  },
  {
    usage: 'events <topic>',
    summary: 'print the records of a topic, decoded',
    options: [
      ['--from <offset>', 'begin at this offset of each partition'],
      ['-f, --follow', 'go on as records come'],
      ['--json', 'one JSON object a line'],
    ],
    examples: ['lattice events runs.v1 --from 100 --json'],
    load: async () => (await import('./events.ts')).events,
  },
  {
    usage: 'store list',
    summary: 'every build of every store',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./store.ts')).storeList,
  },
  {
    usage: 'store status',
    summary: 'the same as `lattice status`',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./status.ts')).status,
  },
  {
    usage: 'store rebuild <store>',
    summary: 'build a store anew from the log, beside the live one',
    options: [
      ['--promote', 'make it the live one when it is built'],
      ['--json', 'as JSON'],
    ],
    load: async () => (await import('./store.ts')).storeRebuild,
  },
  {
    usage: 'store diff <store> [build]',
    summary: 'compare a build with the live one, at the same position',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./store.ts')).storeDiff,
  },
  {
    usage: 'store promote <store> [build]',
    summary: 'make a build the live one',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./store.ts')).storePromote,
  },
  {
    usage: 'store rollback <store>',
    summary: 'make the build before the live one live again; exit code 1 when there is none',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./store.ts')).storeRollback,
  },
  {
    usage: 'store remove <store> <build>',
    summary: 'delete a build that is not the live one',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./store.ts')).storeRemove,
  },
  {
    usage: 'search <query>',
    summary: "search this folder's documents, as a run would",
    options: [
      ['--limit <number>', 'passages at most; default 5'],
      ['--json', 'as JSON'],
    ],
    load: async () => (await import('./search.ts')).searchCommand,
  },
  {
    usage: 'sql <select>',
    summary: 'ask the warehouse in SQL: events, runs, attempts, …',
    options: [
      ['--limit <number>', 'rows at most; default 1000'],
      ['--timeout-ms <ms>', 'how long it may take; default 30000'],
      ['--json', 'one JSON object a row'],
    ],
    examples: ["lattice sql 'SELECT * FROM runs'"],
    load: async () => (await import('./sql.ts')).sqlCommand,
  },
  {
    usage: 'budgets',
    summary: 'what calls of models may still cost',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./budgets.ts')).budgets,
  },
  {
    usage: 'dead-letters list',
    summary: 'records that were set aside',
    options: [
      ['--all', 'also those that are settled'],
      ['--json', 'as JSON'],
    ],
    load: async () => (await import('./dead-letters.ts')).listDeadLetters,
  },
  {
    usage: 'dead-letters show <letter>',
    summary: 'one record that was set aside, with its bytes',
    load: async () => (await import('./dead-letters.ts')).showDeadLetter,
  },
  {
    usage: 'dead-letters resubmit <letter>',
    summary: 'append the record again',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./dead-letters.ts')).resubmitDeadLetter,
  },
  {
    usage: 'dead-letters discard <letter>',
    summary: 'give the record up',
    options: [
      ['--reason <text>', 'why'],
      ['--json', 'as JSON'],
    ],
    load: async () => (await import('./dead-letters.ts')).discardDeadLetter,
  },
  {
    usage: 'export <file>',
    summary: 'write the whole log to one checked file',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./transfer.ts')).exportCommand,
  },
  {
    usage: 'import <file>',
    summary: 'fill an empty log from an export, of whichever backend',
    options: [['--json', 'as JSON']],
    examples: ['LATTICE_LOG=kafka://localhost:9092 lattice import lattice.export'],
    load: async () => (await import('./transfer.ts')).importCommand,
  },
  {
    usage: 'backup <folder>',
    summary: 'copy LATTICE_DATA of one moment, while it is in use',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./transfer.ts')).backupCommand,
  },
  {
    usage: 'restore <folder>',
    summary: 'fill an empty LATTICE_DATA from a backup',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./transfer.ts')).restoreCommand,
  },
  {
    usage: 'doctor',
    summary: 'what is configured, what answers, what is missing and how to mend it',
    options: [
      ['--settings', 'also every setting, with where it came from'],
      ['--json', 'as JSON'],
    ],
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    usage: 'verify',
    summary: 'doctor, then one task through every store on the configured log',
    options: [['--json', 'as JSON']],
    load: async () => (await import('./verify.ts')).verify,
  },
  {
    usage: 'completion <shell>',
    summary: 'a completion script for bash, zsh or fish',
    examples: ['source <(lattice completion bash)'],
    load: async () => (await import('./completion.ts')).completion,
  },
]
