/** Whether a base URL is of Ollama's own API, whose path ends in `/api`; every other one speaks OpenAI's. */
export function speaksOllama(baseUrl: string): boolean {
  return /\/api\/*$/.test(new URL(baseUrl).pathname)
}
