/**
 * Preloaded by `npm start`: keeps stripped and compiled modules under node_modules, so the next start reads no source
 * anew. A missing or unwritable cache costs time only.
 */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'lattice'))
