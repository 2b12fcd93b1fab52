/** The contract of stores, on the embedded log. */
import { describeStores } from '#test/contracts/stores.ts'
import { freshFolder } from '#test/contracts/stores/fresh-log.ts'
import type { EmbeddedGiven } from '#test/infra/embedded/open-embedded.ts'

describeStores('embedded', (partitions) => ({
  module: import.meta.resolve('#test/infra/embedded/open-embedded.ts'),
  given: { path: freshFolder(), partitions, syncMode: 'off' } satisfies EmbeddedGiven,
}))
