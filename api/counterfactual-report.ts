import type { Counterfactual } from '#processors/kinds/replay/counterfactual.command.ts'

/** Past runs and their counterfactuals as programs read them: of `lattice replay --json` and of its route alike. */
export function counterfactualReport(
  { set, pairs, skipped, tests }: Counterfactual,
  { model, system }: { readonly model?: string | undefined; readonly system?: string | undefined },
) {
  return { set, model: model ?? null, system: system ?? null, runs: pairs, skipped, tests }
}
