import { HttpProblem } from './problem.ts'
import type { Http } from './route.ts'

/**
 * Which methods an address has, for the answer to one it has not.
 *
 * Promise: an address that exists is 405 with `allow`, one that doesn't is 404.
 */
export function watchRoutes(http: Http): { refuse(method: string, url: string): never } {
  const added = new Map<string, { matches: RegExp; methods: Set<string> }>()
  http.addHook('onRoute', ({ url, method }) => {
    if (url === '*') return // Every address, for preflight.
    const route = added.get(url) ?? { matches: patternOf(url), methods: new Set() }
    for (const one of [method].flat()) route.methods.add(one)
    added.set(url, route)
  })
  return {
    refuse(method, url) {
      const path = url.split('?')[0] ?? ''
      const allowed = [...added.values()]
        .filter(({ matches }) => matches.test(path))
        .flatMap(({ methods }) => [...methods])
      if (allowed.length === 0 || allowed.includes(method))
        throw new HttpProblem('route.unknown', 'there is nothing at this address', {
          remedy: 'GET /docs shows every address, and GET /openapi.json is the same for programs',
        })
      const allow = [...new Set(allowed)].sort().join(', ')
      throw new HttpProblem('method.not-allowed', `this address knows ${allow}`, { headers: { allow } })
    },
  }
}

function patternOf(url: string): RegExp {
  const parts = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : RegExp.escape(part)))
  return new RegExp(`^${parts.join('/')}$`)
}
