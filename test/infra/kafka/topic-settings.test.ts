/** Which settings of a topic are refused, and which are only said. */
import { describe, expect, it } from 'vitest'
import { MAX_MESSAGE_BYTES, judgeSettings } from '#infra/kafka/topic-settings.ts'
import { isFailure } from '#processors/ports/failure.ts'

const sound = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'unclean.leader.election.enable': 'false',
  'max.message.bytes': String(MAX_MESSAGE_BYTES),
  'min.insync.replicas': '2',
  'compression.type': 'producer',
}

describe('topic settings', () => {
  it('sound ones are taken silently', () => {
    expect(judgeSettings('t', { settings: sound, replicas: 3 })).toEqual([])
    expect(judgeSettings('t', { settings: { ...sound, 'min.insync.replicas': '1' }, replicas: 1 })).toEqual([])
  })

  it.for([
    ['cleanup.policy', 'compact'],
    ['cleanup.policy', 'compact,delete'],
    ['retention.ms', '604800000'],
    ['retention.bytes', '1073741824'],
    ['unclean.leader.election.enable', 'true'],
    ['max.message.bytes', '1048588'],
    ['compression.type', 'lz4'],
  ] as const)('%s=%s is refused by name, with how to change it', ([name, value]) => {
    const judge = (): unknown => judgeSettings('t', { settings: { ...sound, [name]: value }, replicas: 3 })
    expect(judge).toThrow(`${name}=${value}`)
    try {
      judge()
    } catch (error) {
      expect(isFailure(error, 'log.unsafe')).toBe(true)
      expect((error as { remedy: string }).remedy).toContain(`--add-config ${name}=`)
    }
  })

  it('one in-sync replica of three is warned of', () => {
    const [warning] = judgeSettings('t', { settings: { ...sound, 'min.insync.replicas': '1' }, replicas: 3 })
    expect(warning).toContain('min.insync.replicas')
  })
})
