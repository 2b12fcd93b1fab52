import type { AddRoutes } from '#api/http/route.ts'
import { chatCompletionRoutes } from '#api/openai/chat-completions.ts'
import { embeddingRoutes } from '#api/openai/embeddings.ts'
import { modelRoutes } from '#api/openai/models.ts'
import { unknownOpenAiRoutes } from '#api/openai/unknown-addresses.ts'
import { budgetRoutes } from './budgets.ts'
import { chatRoutes } from './chat.ts'
import { counterfactualRoutes } from './counterfactual.ts'
import { deadLetterRoutes } from './dead-letters.ts'
import { documentRoutes } from './documents.ts'
import { healthRoutes } from './health.ts'
import { iterateRoutes } from './iterate.ts'
import { objectRoutes } from './objects.ts'
import { providerRoutes } from './providers.ts'
import { replayRoutes } from './replay.ts'
import { runRoutes } from './runs.ts'
import { searchRoutes } from './search.ts'
import { sqlRoutes } from './sql.ts'
import { storeRoutes } from './stores.ts'
import { taskRoutes } from './tasks.ts'
import { validateRoutes } from './validate.ts'

/** ★ Every group of routes, in the order the docs page shows them. Adding one is a line here and a file beside it. */
export const routes: readonly AddRoutes[] = [
  chatCompletionRoutes,
  embeddingRoutes,
  modelRoutes,
  chatRoutes,
  providerRoutes,
  taskRoutes,
  validateRoutes,
  iterateRoutes,
  replayRoutes,
  counterfactualRoutes,
  runRoutes,
  documentRoutes,
  searchRoutes,
  sqlRoutes,
  storeRoutes,
  budgetRoutes,
  deadLetterRoutes,
  objectRoutes,
  healthRoutes,
  unknownOpenAiRoutes,
]
