/** Who reads what: laws that hold for any claims, and that a few meetings end in even shares. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Member, assign, decodeClaims, encodeClaims } from '#infra/kafka/group-assignment.ts'

const anyHolds = fc.uniqueArray(fc.record({ partition: fc.nat(15), underWay: fc.nat(9) }), {
  selector: (held) => held.partition,
})
const anyMembers: fc.Arbitrary<Member[]> = fc.uniqueArray(
  fc.record({ id: fc.string({ minLength: 1 }), holds: anyHolds, generation: fc.integer({ min: -1, max: 3 }) }),
  { minLength: 1, maxLength: 7, selector: (member) => member.id },
)

describe('group assignment', () => {
  it('gives each partition to one member at most, and none that another still holds', () => {
    fc.assert(
      fc.property(anyMembers, fc.integer({ min: 1, max: 16 }), (members, partitions) => {
        const given = assign(members, partitions)
        const all = [...given.values()].flat()
        expect(new Set(all).size).toBe(all.length)
        expect(all.every((partition) => partition >= 0 && partition < partitions)).toBe(true)
        expect([...given.keys()].toSorted()).toEqual(members.map(({ id }) => id).toSorted())
        const most = Math.ceil(partitions / members.length)
        for (const [id, mine] of given) {
          expect(mine.length).toBeLessThanOrEqual(most)
          for (const partition of mine) {
            const claiming = members.filter(({ holds }) => holds.some((held) => held.partition === partition))
            if (claiming.length > 0) expect(claiming.map((member) => member.id)).toContain(id)
          }
        }
      }),
    )
  })

  it('whoever leads decides alike', () => {
    fc.assert(
      fc.property(anyMembers, fc.integer({ min: 1, max: 16 }), (members, partitions) => {
        const [one, other] = [assign(members, partitions), assign(members.toReversed(), partitions)]
        expect(Object.fromEntries(other)).toEqual(Object.fromEntries(one))
      }),
    )
  })

  it('two meetings end in even shares that give everything out, and a third changes nothing', () => {
    fc.assert(
      fc.property(anyMembers, fc.integer({ min: 1, max: 16 }), (members, partitions) => {
        const meet = (before: readonly Member[]): Member[] => {
          const given = assign(before, partitions)
          return before.map(({ id }) => ({
            id,
            generation: 9,
            holds: (given.get(id) ?? []).map((partition) => ({ partition, underWay: 0 })),
          }))
        }
        const settled = meet(meet(members))
        const sizes = settled.map(({ holds }) => holds.length)
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(partitions)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        expect(meet(settled)).toEqual(settled)
      }),
    )
  })

  it('moves the partition with the least under way', () => {
    const holds = [4, 0, 7].map((underWay, partition) => ({ partition, underWay }))
    const given = assign(
      [
        { id: 'old', generation: 1, holds },
        { id: 'new', generation: -1, holds: [] },
      ],
      3,
    )
    expect([given.get('old'), given.get('new')]).toEqual([[0, 2], []])
  })

  it('of two claims the later generation is right', () => {
    const holds = [{ partition: 0, underWay: 1 }]
    const given = assign(
      [
        { id: 'a', generation: 3, holds },
        { id: 'b', generation: 4, holds },
      ],
      1,
    )
    expect([given.get('a'), given.get('b')]).toEqual([[], [0]])
  })

  it('claims come back as they were, and those of a stranger are none', () => {
    const member: Member = { id: 'm', generation: 4, holds: [{ partition: 3, underWay: 2 }] }
    expect(decodeClaims('m', encodeClaims(member))).toEqual(member)
    for (const strange of [
      null,
      Buffer.alloc(0),
      Buffer.from('null'),
      Buffer.from([0, 1, 2]),
      Buffer.from('{"holds":3}'),
    ]) {
      expect(decodeClaims('m', strange)).toEqual({ id: 'm', generation: -1, holds: [] })
    }
  })
})
