/**
 * ★ Every known provider of OpenAI-compatible chat completions: where it is, which variables configure it, and which
 * model it is asked for when nobody names one. A new one is a line here.
 *
 * Promise: a default model is one the provider offers to new accounts. Checked 2026-11: `gemini-2.5-flash` retires on
 * 2026-12-01 and GPT-4o and 4.1 on 2027-01-14, so neither is a default any more.
 *
 * A base URL whose path ends in `/api` is asked in Ollama's own API.
 */
export interface ProviderDefinition {
  readonly title: string
  /** Base URL; `/chat/completions` and `/models` are below it. */
  readonly baseUrl: string
  readonly urlVariable: string
  readonly keyVariable?: string
  readonly modelVariable: string
  readonly defaultModel: string
  /**
   * Runs on the user's machine: needs no key, counts as configured when its URL is set or it answers, and its first
   * model is taken when the default one isn't there.
   */
  readonly local: boolean
}

export const providers = {
  groq: {
    title: 'Groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    urlVariable: 'GROQ_BASE_URL',
    keyVariable: 'GROQ_API_KEY',
    modelVariable: 'GROQ_MODEL',
    defaultModel: 'openai/gpt-oss-20b',
    local: false,
  },
  gemini: {
    title: 'Google Gemini',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai/',
    urlVariable: 'GEMINI_BASE_URL',
    keyVariable: 'GEMINI_API_KEY',
    modelVariable: 'GEMINI_MODEL',
    defaultModel: 'gemini-3.5-flash-lite',
    local: false,
  },
  openai: {
    title: 'OpenAI',
    baseUrl: 'https://api.openai.com/v1',
    urlVariable: 'OPENAI_BASE_URL',
    keyVariable: 'OPENAI_API_KEY',
    modelVariable: 'OPENAI_MODEL',
    defaultModel: 'gpt-6-luna',
    local: false,
  },
  lmstudio: {
    title: 'LM Studio',
    baseUrl: 'http://localhost:1234/v1',
    urlVariable: 'LMSTUDIO_BASE_URL',
    keyVariable: 'LMSTUDIO_API_KEY',
    modelVariable: 'LMSTUDIO_MODEL',
    defaultModel: 'local-model',
    local: true,
  },
  ollama: {
    title: 'Ollama',
    baseUrl: 'http://127.0.0.1:11434/v1',
    urlVariable: 'OLLAMA_URL',
    modelVariable: 'OLLAMA_MODEL',
    defaultModel: 'llama3.2',
    local: true,
  },
  ollama_cloud: {
    title: 'Ollama Cloud',
    baseUrl: 'https://ollama.com/api',
    urlVariable: 'OLLAMA_CLOUD_BASE_URL',
    keyVariable: 'OLLAMA_CLOUD_KEY',
    modelVariable: 'OLLAMA_CLOUD_MODEL',
    defaultModel: 'gpt-oss:20b',
    local: false,
  },
  openrouter: {
    title: 'OpenRouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    urlVariable: 'OPENROUTER_BASE_URL',
    keyVariable: 'OPENROUTER_API_KEY',
    modelVariable: 'OPENROUTER_MODEL',
    defaultModel: 'openai/gpt-oss-20b',
    local: false,
  },
  opencode: {
    title: 'OpenCode Zen',
    baseUrl: 'https://opencode.ai/zen/v1',
    urlVariable: 'OPENCODE_BASE_URL',
    keyVariable: 'OPENCODE_API_KEY',
    modelVariable: 'OPENCODE_MODEL',
    defaultModel: 'kimi-k2.6',
    local: false,
  },
  kimi: {
    title: 'Kimi (Moonshot AI)',
    baseUrl: 'https://api.moonshot.ai/v1',
    urlVariable: 'KIMI_BASE_URL',
    keyVariable: 'KIMI_API_KEY',
    modelVariable: 'KIMI_MODEL',
    defaultModel: 'kimi-k2.6',
    local: false,
  },
  mistral: {
    title: 'Mistral',
    baseUrl: 'https://api.mistral.ai/v1',
    urlVariable: 'MISTRAL_BASE_URL',
    keyVariable: 'MISTRAL_API_KEY',
    modelVariable: 'MISTRAL_MODEL',
    defaultModel: 'mistral-medium-latest',
    local: false,
  },
} as const satisfies Record<string, ProviderDefinition>

export type ProviderName = keyof typeof providers

export const providerNames = Object.keys(providers) as ProviderName[]

/** Who is asked where nobody says; the others by name, or once they are put in the order. */
export const usualOrder: readonly ProviderName[] = ['groq', 'gemini', 'openai', 'lmstudio', 'ollama']

/** What a provider that `LATTICE_BASE_URL` alone describes is called: an endpoint without a key. */
export const customProvider = 'custom'

/** The provider that needs no server: `processors/models/extract.ts`. */
export const builtInProvider = 'lattice'
