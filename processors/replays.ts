import { carryOutPorts } from './carry-out-ports.ts'
import { corpusOf } from './documents/read-folder.ts'
import { counterfactual } from './kinds/replay/counterfactual.command.ts'
import type {
  Counterfactual,
  CounterfactualOptions,
  CounterfactualPorts,
} from './kinds/replay/counterfactual.command.ts'
import { replay } from './kinds/replay/replay.command.ts'
import type { Replayed, ReplayOptions, ReplayPorts } from './kinds/replay/replay.command.ts'
import type { ReplayRequest } from './kinds/replay/replay.spec.ts'
import { readRunsOf, replayRowsOf } from './replay-rows.ts'
import { choiceNamed, routeNamed } from './models/route-named.ts'
import type { ModelChoice } from './models/route-model.ts'
import type { Failure } from './ports/failure.ts'
import { isFailure } from './ports/failure.ts'
import type { Lattice } from './start.ts'
import { submitPorts } from './submit-ports.ts'

/**
 * The commands of replay, over a started process.
 *
 * Promise: without `LH_GATEWAY_URL` models are asked from here, the way a chat asks them; with it every model is asked of that
 * gateway. The defaults are the tiers `local_fast` and `cloud_judge`, else the models they usually are.
 */
export interface Replays {
  /** Errors: `request.invalid`, `model.unknown`, `store.stalled` for a corpus that can't be read, those of the log. */
  replay(
    request: ReplayRequest,
    options: Omit<ReplayOptions, 'root'> & { readonly root?: string | undefined },
  ): Promise<Replayed>
  /** Past runs carried out again; `model` and `system` are what is to be different. Errors: `model.unknown`, those of the log. */
  counterfactual(
    runIds: readonly string[],
    options: Omit<CounterfactualOptions, 'ladder'> & { readonly model?: string | undefined },
  ): Promise<Counterfactual>
  /** Writes the rows that killed processes left unwritten; resolves with what could not be written. */
  sweepReplayRows(): Promise<readonly Failure[]>
}

const usualModels = { local: 'qwen3.5:latest', escalation: 'kimi-k2.6:cloud' }
const usualRetrieval = { k: 5, threshold: 0.3 }

export function replaysOf(lattice: Lattice): Replays {
  const { given, claimCheck } = lattice
  const { settings, models } = given
  const { gateway } = models
  const rows = replayRowsOf(lattice)
  const read = readRunsOf(lattice)

  function askable(model: string): readonly ModelChoice[] {
    if (gateway !== undefined) return [{ provider: gateway.name, model }]
    const routing = { chain: models.chain, answering: new Map<string, readonly string[]>(), names: models.names }
    return routeNamed(routing, { model })
  }

  function choices(model: string): readonly ModelChoice[] {
    try {
      return askable(model)
    } catch (error) {
      if (!isFailure(error, 'model.unknown') || model.startsWith('tier/')) throw error
      // A model nobody can be asked for now is a failed call, which is a result.
      return [choiceNamed(models.chain, model)]
    }
  }

  const tier = (name: string): string | undefined =>
    (models.names.tiers.get(name) ?? []).length > 0 ? `tier/${name}` : undefined
  const ports: ReplayPorts = {
    ...submitPorts(lattice),
    claimCheck,
    carryOutPorts: (instead) =>
      carryOutPorts(lattice, { instead: gateway === undefined ? instead : { provider: gateway, ...instead } }),
    choices,
    models: {
      localModel: tier('local_fast') ?? usualModels.local,
      escalationModel: tier('cloud_judge') ?? usualModels.escalation,
    },
    limits: { attemptTimeoutMs: settings.attemptTimeoutMs, deadlineMs: settings.deadlineMs },
    retrieval: settings.retrieval ?? usualRetrieval,
    corpora: async (root) => [await corpusOf(root)],
    rows,
    read: async (runId) => (await read(runId)).state,
  }
  const counterfactualPorts: CounterfactualPorts = {
    ...ports,
    carryOutPorts: (instead) =>
      carryOutPorts(lattice, { instead: gateway === undefined ? instead : { provider: gateway, ...instead } }),
    read,
  }
  return {
    replay: (request, { root = settings.replayRoot ?? settings.folder, ...options }) =>
      replay(ports, request, { ...options, root }),
    async counterfactual(runIds, { model, ...options }) {
      const ladder = model === undefined ? undefined : [{ name: model, choices: [...askable(model)] }]
      return counterfactual(counterfactualPorts, runIds, { ...options, ladder })
    },
    sweepReplayRows: () => rows.sweep(),
  }
}
