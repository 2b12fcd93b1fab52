/** Kills of a serving process on a real Kafka; `npm run crash -- --log kafka --kills 10` does more. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeKills } from './describe-kills.ts'

describeKills('kafka', { kills: 3, moreThan: 15, env: logSettings('kafka') })
