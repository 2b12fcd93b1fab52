/** The spine on a real Redis. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeSpine } from './spine.ts'

describeSpine('redis', logSettings('redis'))
