/** Traces on the embedded log. */
import { describeTraces } from './traces.ts'

describeTraces('embedded')
