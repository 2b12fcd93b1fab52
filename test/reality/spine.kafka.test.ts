/** The spine on a real Kafka. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeSpine } from './spine.ts'

describeSpine('kafka', logSettings('kafka'))
