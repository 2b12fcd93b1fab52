import type { StoreName } from '#processors/catalog.ts'
import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import type { FailureCode } from '#processors/ports/failure.ts'
import type { Signal } from '#processors/ports/report.ts'
import type { StoreStatus } from '#processors/stores/live-store.ts'

/** What the main thread and the thread of the stores say to each other. */
export type ToThread = {
  readonly id: number
  readonly store: StoreName | 'all'
  readonly ask: 'contentHash' | 'switchTo' | 'query' | 'snapshot' | 'close'
  readonly given: readonly unknown[]
}

export type FromThread =
  | { readonly ready: readonly StoreStatus[] }
  | { readonly signal: Signal }
  | { readonly moved: { readonly store: string; readonly at: StoredCheckpoint } }
  | { readonly broken: FailureParts }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: FailureParts }

export interface FailureParts {
  readonly code: FailureCode
  readonly message: string
  readonly remedy: string
}
