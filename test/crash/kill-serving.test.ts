/** Kills of a serving process on the embedded log; `npm run crash -- --kills 50` does more. */
import { describeKills } from './describe-kills.ts'

describeKills('embedded', { kills: 10, moreThan: 50, env: {} })
