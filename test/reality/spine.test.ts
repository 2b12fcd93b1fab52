/** The spine on the embedded log. */
import { describeSpine } from './spine.ts'

describeSpine('embedded', {})
