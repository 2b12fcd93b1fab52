/** Input that is too large, not text, or no event, on a real Redis. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeBadInput } from './bad-input.ts'

describeBadInput('redis', { large: false, env: logSettings('redis') })
