// Seeded damage to files: what a bad disk, a bad download or malice does to bytes. The same seed and number give the same
// file again.

import Basics

struct Mutator {
  private var stream: RandomStream

  init(seed: UInt64, number: Int) {
    stream = RandomStream(RandomKey(seed: seed, "mutation", UInt64(number)))
  }

  /// A damaged copy: one to eight changes, each of a kind drawn anew.
  mutating func mutate(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...stream.below(8) { change(&bytes) }
    return bytes
  }

  private static let extremes: [[UInt8]] = [
    [0], [255], [127], [128], [0, 0, 0, 0], [255, 255, 255, 255], [255, 255, 255, 127],
    [0, 0, 0, 128], [0, 0, 0, 0, 0, 0, 0, 0], [255, 255, 255, 255, 255, 255, 255, 255],
    [255, 255, 255, 255, 255, 255, 255, 127], [0, 0, 1, 0], [0, 1, 0, 0], Array("-1".utf8),
    Array("1e999".utf8), Array("99999999999999999999".utf8), Array("NaN".utf8), [34], [44], [10],
    [92],
    [91], [123], [93], [125],
  ]

  private mutating func change(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else {
      bytes = (0..<stream.below(40)).map { _ in UInt8(truncatingIfNeeded: stream.next()) }
      return
    }
    let place = stream.below(bytes.count)
    // Headers are short and matter most: half of all changes fall there.
    let at = stream.below(2) == 0 ? place : min(place, stream.below(min(bytes.count, 128)))
    let length = min(1 + stream.below(1 + stream.below(64)), bytes.count - at)
    switch stream.below(9) {
    case 0, 1: bytes[at] ^= 1 << UInt8(stream.below(8))
    case 2: bytes[at] = UInt8(truncatingIfNeeded: stream.next())
    case 3:
      let extreme = Self.extremes[stream.below(Self.extremes.count)]
      for (k, byte) in extreme.enumerated() where at + k < bytes.count { bytes[at + k] = byte }
    case 4: bytes.insert(contentsOf: Self.extremes[stream.below(Self.extremes.count)], at: at)
    case 5: bytes.removeSubrange(at..<(at + length))
    case 6: bytes.removeSubrange(place...)
    case 7:
      let from = stream.below(bytes.count - length + 1)
      bytes.insert(contentsOf: Array(bytes[from..<(from + length)]), at: at)
    default:
      for k in at..<(at + length) { bytes[k] = UInt8(truncatingIfNeeded: stream.next()) }
    }
  }
}
