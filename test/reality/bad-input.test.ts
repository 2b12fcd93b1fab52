/** Input that is too large, not text, or no event, on the embedded log. */
import { describeBadInput } from './bad-input.ts'

describeBadInput('embedded', { large: true, env: {} })
