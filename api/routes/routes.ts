import type { Http, HttpOptions } from '#api/http/server.ts'
import type { Opened } from '#api/opened.ts'
import { healthRoutes } from './health.ts'
import { runRoutes } from './runs.ts'
import { taskRoutes } from './tasks.ts'

/** Every group of routes. Adding one is a line here and a file beside it. */
export type AddRoutes = (http: Http, opened: Opened, options: HttpOptions) => void

export const routes: readonly AddRoutes[] = [taskRoutes, runRoutes, healthRoutes]
