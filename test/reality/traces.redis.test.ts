/** Traces on a real Redis. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeTraces } from './traces.ts'

describeTraces('redis', logSettings('redis'))
