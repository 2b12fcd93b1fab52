/** `lattice verify` on a real Kafka: the whole way, from the command line. */
import { logSettings } from '#test/contracts/log-settings.ts'
import { describeVerify } from './verify.ts'

describeVerify(logSettings('kafka'))
