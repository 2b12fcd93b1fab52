import { carryOutPorts } from './carry-out-ports.ts'
import { chat } from './kinds/chat/chat.command.ts'
import type { ChatOptions, ChatPorts, ChatResult } from './kinds/chat/chat.command.ts'
import type { ChatRequest } from './kinds/chat/chat.spec.ts'
import { embed } from './kinds/embed/embed.command.ts'
import type { EmbedRequest } from './kinds/embed/embed.command.ts'
import { recordedAnswer } from './kinds/chat/recorded-answer.query.ts'
import { rememberAnswering } from './models/answering.ts'
import { defaultModelName, routeNamed } from './models/route-named.ts'
import type { Named } from './models/route-named.ts'
import { placesOf } from './runs/runs.query.ts'
import { need } from './start.ts'
import type { Lattice } from './start.ts'
import { submitPorts } from './submit-ports.ts'

/**
 * The commands of the gateway, over a started process: what is asked and answered in one request.
 *
 * Promise: each is a run of the one machine, so retries, fallback, limits and records are the same as a task's.
 */
export interface Gateway {
  /** Errors: `model.unknown`, `run.open`, `idempotency.conflict`, those of the log. */
  chat(request: ChatRequest, options: ChatOptions): Promise<ChatResult>
  /** Errors: those of `chat`. */
  embed(request: EmbedRequest, options: ChatOptions): Promise<ChatResult>
}

export function gatewayOf(lattice: Lattice): Gateway {
  const { given, codec, feed, claimCheck } = lattice
  const { settings, models, clock, log } = given
  const answering = rememberAnswering(models.probeLocal, clock)

  const ports: ChatPorts = {
    ...submitPorts(lattice),
    carryOutPorts: (interactive) => carryOutPorts(lattice, interactive),
    async ladder({ model, provider }) {
      const named = { ...(model === undefined ? {} : { model }), ...(provider === undefined ? {} : { provider }) }
      const local = needsDefaults(named) ? await answering() : new Map<string, readonly string[]>()
      const routing = { chain: models.chain, answering: local, names: models.names }
      return [{ name: model ?? 'default', choices: routeNamed(routing, named) }]
    },
    limits: {
      attempts: settings.attempts,
      attemptTimeoutMs: settings.attemptTimeoutMs,
      deadlineMs: settings.deadlineMs,
      costMicroUsd: null,
      answers: null,
      once: false,
    },
    async recorded(runId, { partition, offset }) {
      const places = await need(lattice, 'lookup').query((tables) => placesOf(tables, runId))
      const whole = { runId, partition, offsets: [], foldedTo: offset }
      return recordedAnswer({ log, codec, feed, claimCheck }, places ?? whole)
    },
  }

  return {
    chat: (request, options) => chat(ports, request, options),
    embed: (request, options) => embed(ports, request, options),
  }
}

/** Only then is it asked which local servers answer: a name says where it goes by itself. */
function needsDefaults({ model, provider }: Named): boolean {
  return model === undefined || model === defaultModelName || (provider !== undefined && model === '')
}
