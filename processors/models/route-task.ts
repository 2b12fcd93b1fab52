/**
 * Which providers and models a task asks, first to last, by the model and provider it names.
 *
 * Promise: pure. A name with a prefix, or with `:cloud`, asks whom it names, as in a chat, and nobody else: a prompt meant
 * for a model of this machine goes to no hosted provider. A name without one is the model of the first provider, the others
 * follow with theirs. A named model is never answered by the built-in one. Errors: `model.unknown`; where the task names
 * the provider too, `provider.unconfigured` and `request.invalid`.
 */
import { Failure } from '#processors/ports/failure.ts'
import { builtIn, type ModelChoice, routeModel, type Wanted } from './route-model.ts'
import { defaultModelName, routeNamed, type Routing } from './route-named.ts'

export function routeTask(routing: Routing, { provider, model }: Wanted): readonly ModelChoice[] {
  const { chain, answering } = routing
  const name = model?.trim() ?? ''
  if (provider !== undefined)
    return routeModel(chain, answering, { provider, ...(name !== '' && { model: name }) }).choices
  if (name === '') return routeModel(chain, answering).choices
  // As --model it is in the settings too, and no provider's name for a model.
  if (name === defaultModelName) return routeModel({ ...chain, firstModel: undefined }, answering).choices
  if (name.includes('/') || name.endsWith(':cloud')) return routeNamed(routing, { model: name })
  const { choices } = routeModel(chain, answering, { model: name })
  if (choices[0]?.provider !== builtIn.provider) return choices
  throw new Failure('model.unknown', `no provider is configured that could be asked for ${name}`, {
    remedy: 'Give a provider its key, or start LM Studio or Ollama; lattice doctor shows what is missing.',
  })
}
