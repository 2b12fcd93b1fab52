/** Kills of a serving process on a real Redis; `npm run crash -- --log redis --kills 10` does more. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeKills } from './describe-kills.ts'

describeKills('redis', { kills: 3, moreThan: 15, env: logSettings('redis') })
