import { carryOutPorts } from './carry-out-ports.ts'
import { chat } from './kinds/chat/chat.command.ts'
import type { ChatOptions, ChatPorts, ChatResult } from './kinds/chat/chat.command.ts'
import type { ChatRequest } from './kinds/chat/chat.spec.ts'
import { embed } from './kinds/embed/embed.command.ts'
import type { EmbedRequest } from './kinds/embed/embed.command.ts'
import { recordedAnswer } from './kinds/chat/recorded-answer.query.ts'
import { iterate } from './kinds/iterate/iterate.command.ts'
import type { IterateAnswer, IterateOptions, IteratePorts } from './kinds/iterate/iterate.command.ts'
import type { IterateRequest } from './kinds/iterate/iterate.spec.ts'
import { recordedSession } from './kinds/iterate/recorded-session.query.ts'
import { rememberAnswering } from './models/answering.ts'
import { defaultModelName, ladderOf, routeNamed } from './models/route-named.ts'
import type { Named, Routing } from './models/route-named.ts'
import type { RunSpec } from './runs/run.ts'
import { placeOfRun } from './run-place.ts'
import { replaysOf } from './replays.ts'
import type { Replays } from './replays.ts'
import type { Lattice } from './start.ts'
import { submitPorts } from './submit-ports.ts'

/**
 * The commands of the gateway, over a started process: what is asked and answered in one request.
 *
 * Promise: each is a run of the one machine, so retries, fallback, limits and records are the same as a task's.
 */
export interface Gateway extends Replays {
  /** Errors: `model.unknown`, `run.open`, `idempotency.conflict`, those of the log. */
  chat(request: ChatRequest, options: ChatOptions): Promise<ChatResult>
  /** Errors: those of `chat`. */
  embed(request: EmbedRequest, options: ChatOptions): Promise<ChatResult>
  /** Errors: those of `chat`, `request.invalid`, `roster.unconfigured`, `roster.unavailable`. */
  iterate(request: IterateRequest, options: IterateOptions): Promise<IterateAnswer>
}

export function gatewayOf(lattice: Lattice): Gateway {
  const { given, codec, feed, claimCheck } = lattice
  const { settings, models, clock, log } = given
  const answering = rememberAnswering(models.probeLocal, clock)

  async function routingFor(named: Named): Promise<Routing> {
    const local = needsDefaults(named) ? await answering() : new Map<string, readonly string[]>()
    return { chain: models.chain, answering: local, names: models.names }
  }

  async function oneTier(model: string | undefined, provider: string | undefined): Promise<RunSpec['ladder']> {
    const named = { ...(model === undefined ? {} : { model }), ...(provider === undefined ? {} : { provider }) }
    return [{ name: model ?? 'default', choices: routeNamed(await routingFor(named), named) }]
  }

  const ports: ChatPorts = {
    ...submitPorts(lattice),
    carryOutPorts: (interactive) => carryOutPorts(lattice, interactive),
    providers: lattice.models.guarded.providers,
    ladder: ({ model, provider }) => oneTier(model, provider),
    limits: {
      attempts: settings.attempts,
      attemptTimeoutMs: settings.attemptTimeoutMs,
      deadlineMs: settings.deadlineMs,
      costMicroUsd: null,
      answers: null,
      once: false,
    },
    recorded: async (runId, position) =>
      recordedAnswer({ log, codec, feed, claimCheck }, await placeOfRun(lattice, runId, position)),
  }

  const iteratePorts: IteratePorts = {
    ...ports,
    codec,
    claimCheck,
    roster: given.roster,
    ladder: async ({ provider, model, models: names }) =>
      names === undefined ? oneTier(model, provider) : ladderOf(await routingFor({}), names),
    session: async (runId, position) =>
      recordedSession({ log, codec, feed }, await placeOfRun(lattice, runId, position)),
  }

  return {
    chat: (request, options) => chat(ports, request, options),
    embed: (request, options) => embed(ports, request, options),
    ...replaysOf(lattice),
    iterate: (request, options) => iterate(iteratePorts, request, options),
  }
}

/** Only then is it asked which local servers answer: a name says where it goes by itself. */
function needsDefaults({ model, provider }: Named): boolean {
  return model === undefined || model === defaultModelName || (provider !== undefined && model === '')
}
