// The inside of a ring's slot: one chunk, assembled. Head (epoch, first position, count), sample ids, then each
// input with the values of sample after sample in their stored type, then the labels; each part on a cache line.

import CSystem

/// What a sample consists of once assembled.
struct SampleShape: Equatable, Sendable {
  /// Bytes of each input of one sample.
  var inputBytes: [Int]
  /// Bytes of one label; 0 when the split has none.
  var labelBytes: Int
  var byteCount: Int { inputBytes.reduce(labelBytes, +) }
}

struct SlotLayout: Sendable {
  /// Marks the id of a sample that could not be read and is left out (`BadBlocks.skip`). Ids stay below 2^40.
  static let skippedBit: UInt64 = 1 << 63

  let capacity: Int
  let sample: SampleShape
  let inputOffsets: [Int]
  let labelOffset: Int
  let byteCount: Int
  private static let idOffset = 64

  init(_ sample: SampleShape, capacity: Int) {
    self.sample = sample
    self.capacity = capacity
    func aligned(_ n: Int) -> Int { (n + 63) & ~63 }
    var end = aligned(Self.idOffset + 8 * capacity)
    var offsets: [Int] = []
    for bytes in sample.inputBytes {
      offsets.append(end)
      end = aligned(end + bytes * capacity)
    }
    inputOffsets = offsets
    labelOffset = end
    byteCount = aligned(end + sample.labelBytes * capacity)
  }

  func head(_ slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<SlotHead> {
    slot.assumingMemoryBound(to: SlotHead.self)
  }

  func ids(_ slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt64> {
    (slot + Self.idOffset).assumingMemoryBound(to: UInt64.self)
  }

  func input(_ k: Int, _ slot: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    slot + inputOffsets[k]
  }

  func labels(_ slot: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer { slot + labelOffset }
}

/// The first words of a slot.
struct SlotHead {
  var chunk: UInt64
  var epoch: UInt64
  var count: Int
}
