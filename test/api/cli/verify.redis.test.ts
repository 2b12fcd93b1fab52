/** `lattice verify` on a real Redis: the whole way, from the command line. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeVerify } from './verify.ts'

describeVerify(logSettings('redis'))
