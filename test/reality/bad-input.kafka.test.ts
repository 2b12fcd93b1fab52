/** Input that is too large, not text, or no event, on a real Kafka. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeBadInput } from './bad-input.ts'

describeBadInput('kafka', { large: false, env: logSettings('kafka') })
