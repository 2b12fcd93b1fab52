import { submitRun } from '#processors/kinds/submit-run.command.ts'
import type { SubmitPorts, SubmittedRun } from '#processors/kinds/submit-run.command.ts'
import { taskSpec } from './task.spec.ts'
import type { TaskDefaults, TaskRequest } from './task.spec.ts'

/** Puts a task on the log, for a worker to carry out, or for who submits it to do so here and now. */
export interface SubmitOptions {
  readonly principal: string
  readonly interactive: boolean
  readonly idempotencyKey?: string
  readonly traceId?: string | undefined
  readonly traceparent?: string | undefined
}

export function submitTask(
  ports: SubmitPorts & { readonly defaults: () => TaskDefaults | Promise<TaskDefaults> },
  request: TaskRequest,
  options: SubmitOptions,
): Promise<SubmittedRun> {
  const { principal, interactive, traceId } = options
  return submitRun(ports, {
    ...options,
    route: 'POST /v1/tasks',
    body: request,
    spec: async (bodyHash) =>
      taskSpec(request, await ports.defaults(), {
        principal,
        interactive,
        traceId,
        ...(bodyHash === undefined ? {} : { bodyHash }),
      }),
  })
}
