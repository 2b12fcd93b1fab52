/** Traces on a real Kafka. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeTraces } from './traces.ts'

describeTraces('kafka', logSettings('kafka'))
