// The inside of a slot: the chunk's number, the samples' ids, where in the slot each sample's values lie, and the values in
// their stored type. Samples lie as their blocks came; the order that is trained on is that of the ids and places.

import CSystem

/// What a sample consists of once assembled.
struct SampleShape: Equatable, Sendable {
  /// Bytes of each input of one sample.
  var inputBytes: [Int]
  /// Bytes of one label; 0 when the split has none.
  var labelBytes: Int
  var byteCount: Int { inputBytes.reduce(labelBytes, +) }
}

/// Blocks that are decompressed into the slot itself, where some of their fields can stay.
struct BlockArea: Equatable, Sendable {
  var blockCount: Int
  /// Bytes of the largest block.
  var blockBytes: Int
  /// Which inputs stay there, and whether the label does.
  var inputs: [Bool]
  var label: Bool
}

struct SlotLayout: Sendable {
  /// Marks the id of a sample that could not be read and is left out (`BadBlocks.skip`). Ids stay below 2^40.
  static let skippedBit: UInt64 = 1 << 63

  let capacity: Int
  let sample: SampleShape
  let area: BlockArea?
  let byteCount: Int
  private let inputOffsets: [Int]
  private let labelOffset: Int
  private let placeOffset: Int
  private let areaOffset: Int
  private let blockStride: Int
  private static let idOffset = 64

  /// - Parameter area: nil: everything is copied to the sample's place.
  init(_ sample: SampleShape, capacity: Int, area: BlockArea? = nil) {
    self.sample = sample
    self.capacity = capacity
    self.area = area
    func aligned(_ n: Int) -> Int { (n + 63) & ~63 }
    placeOffset = aligned(Self.idOffset + 8 * capacity)
    var end = aligned(placeOffset + 8 * capacity * (sample.inputBytes.count + 1))
    var offsets: [Int] = []
    for (k, bytes) in sample.inputBytes.enumerated() {
      offsets.append(end)
      if area?.inputs[k] != true { end = aligned(end + bytes * capacity) }
    }
    inputOffsets = offsets
    labelOffset = end
    if area?.label != true { end = aligned(end + sample.labelBytes * capacity) }
    areaOffset = end
    blockStride = area.map { aligned($0.blockBytes) } ?? 0
    byteCount = end + blockStride * (area?.blockCount ?? 0)
  }

  func head(_ slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<SlotHead> {
    slot.assumingMemoryBound(to: SlotHead.self)
  }

  func ids(_ slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt64> {
    (slot + Self.idOffset).assumingMemoryBound(to: UInt64.self)
  }

  /// Where the values of each sample's input `k` lie, in bytes from the slot's beginning; `k` past the inputs: the label's.
  @inline(__always)
  func places(_ k: Int, _ slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Int> {
    (slot + placeOffset).assumingMemoryBound(to: Int.self) + k &* capacity
  }

  func input(_ k: Int, _ slot: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    slot + inputOffsets[k]
  }

  func labels(_ slot: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer { slot + labelOffset }

  /// Where block `i` of the chunk is decompressed to.
  func block(_ i: Int, _ slot: UnsafeMutableRawPointer) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: slot + areaOffset + i * blockStride, count: area!.blockBytes)
  }

  /// Says of the first `count` samples that each lies at its own number.
  func placeInOrder(_ count: Int, _ slot: UnsafeMutableRawPointer) {
    for k in 0...sample.inputBytes.count {
      let isLabel = k == sample.inputBytes.count
      let bytes = isLabel ? sample.labelBytes : sample.inputBytes[k]
      let first = isLabel ? labelOffset : inputOffsets[k]
      let places = places(k, slot)
      for i in 0..<count { places[i] = first + i &* bytes }
    }
  }
}

/// The first words of a slot.
struct SlotHead {
  var chunk: UInt64
  var epoch: UInt64
  var count: Int
}
