/**
 * CRC-32C (Castagnoli), the checksum of a Kafka record batch. Node's zlib has only the other polynomial.
 *
 * Eight bytes a step ("slicing by 8", Kounavis and Berry, Intel 2006).
 */
const tables = buildTables()

export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as EightTables
  let crc = -1
  let at = start
  for (const last = end - 7; at < last; at += 8) {
    crc ^= at8(bytes, at) | (at8(bytes, at + 1) << 8) | (at8(bytes, at + 2) << 16) | (at8(bytes, at + 3) << 24)
    crc =
      (t7[crc & 0xff] as number) ^
      (t6[(crc >>> 8) & 0xff] as number) ^
      (t5[(crc >>> 16) & 0xff] as number) ^
      (t4[crc >>> 24] as number) ^
      (t3[at8(bytes, at + 4)] as number) ^
      (t2[at8(bytes, at + 5)] as number) ^
      (t1[at8(bytes, at + 6)] as number) ^
      (t0[at8(bytes, at + 7)] as number)
  }
  for (; at < end; at += 1) crc = (t0[(crc ^ at8(bytes, at)) & 0xff] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

type EightTables = [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array]

function at8(bytes: Uint8Array, index: number): number {
  return bytes[index] as number
}

function buildTables(): Int32Array[] {
  const first = new Int32Array(256)
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    first[byte] = crc
  }
  const all = [first]
  for (let slice = 1; slice < 8; slice += 1) {
    const before = all[slice - 1] as Int32Array
    all.push(
      first.map((_, byte) => ((before[byte] as number) >>> 8) ^ (first[(before[byte] as number) & 0xff] as number)),
    )
  }
  return all
}
