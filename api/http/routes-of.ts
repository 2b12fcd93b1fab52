import type { RouteOptions } from 'fastify'
import { HttpProblem } from './problem.ts'
import type { Http } from './route.ts'

/**
 * Which methods an address has, for the answer to one it has not.
 *
 * Promise: an address that exists is 405 with `allow`, one that doesn't is 404. The refusal has the form of the address's
 * own errors.
 */
export interface Routes {
  refuse(method: string, url: string): never
  /** How the address tells errors; undefined where it has no way of its own. */
  errorsAt(url: string): RouteOptions['errorHandler']
}

export function watchRoutes(http: Http): Routes {
  const added = new Map<string, { matches: RegExp; methods: Set<string>; errors: RouteOptions['errorHandler'] }>()
  http.addHook('onRoute', ({ url, method, errorHandler: errors }) => {
    if (url === '*') return // Every address, for preflight.
    const route = added.get(url) ?? { matches: patternOf(url), methods: new Set(), errors }
    for (const one of [method].flat()) route.methods.add(one)
    added.set(url, route)
  })

  function at(url: string): { methods: Set<string>; errors: RouteOptions['errorHandler'] }[] {
    const path = url.split('?')[0] ?? ''
    return [...added.values()].filter(({ matches }) => matches.test(path))
  }

  return {
    errorsAt: (url) => at(url).find(({ errors }) => errors !== undefined)?.errors,
    refuse(method, url) {
      const allowed = at(url).flatMap(({ methods }) => [...methods])
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
