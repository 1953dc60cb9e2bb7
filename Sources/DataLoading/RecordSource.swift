// Samples of fixed records: a block holds field after field, each with the values of all its samples (formats.md,
// "Blocks"). A block is decoded once into a reused buffer and its samples are scattered into the slot.

import Basics

/// Decodes a block into a buffer that is large enough.
typealias BlockDecoder = (Int, UnsafeMutableRawBufferPointer) throws -> Void

/// Where the fields of a split's records lie and go.
struct RecordShape: Sendable {
  /// Where a field's values go: input k, or the label.
  enum Destination: Equatable, Sendable {
    case input(Int)
    case label, nowhere
  }
  struct Part: Equatable, Sendable {
    var bytes: Int
    var destination: Destination
    var isInput: Bool { if case .input = destination { true } else { false } }
  }
  var sampleCount: Int
  var samplesPerBlock: Int
  /// The fields in their order in a block, with the bytes of one sample.
  var parts: [Part]

  var blockCount: Int { (sampleCount + samplesPerBlock - 1) / samplesPerBlock }
  var recordBytes: Int { parts.reduce(0) { $0 + $1.bytes } }

  func count(inBlock block: Int) -> Int {
    min(samplesPerBlock, sampleCount - block * samplesPerBlock)
  }
}

final class RecordSource {
  let shape: RecordShape
  private let layout: SlotLayout
  private let storageOrder: KeyedPermutation
  private let decode: BlockDecoder
  private let buffer: UnsafeMutableRawBufferPointer
  private let cache: BlockCache

  init(
    _ shape: RecordShape, layout: SlotLayout, storageOrder: KeyedPermutation, cacheBytes: Int,
    decode: @escaping BlockDecoder
  ) {
    self.shape = shape
    self.layout = layout
    self.storageOrder = storageOrder
    self.decode = decode
    let blockBytes = max(1, shape.samplesPerBlock * shape.recordBytes)
    buffer = .allocate(byteCount: blockBytes, alignment: 64)
    cache = BlockCache(blockBytes: blockBytes, byteLimit: cacheBytes)
  }

  deinit { buffer.deallocate() }

  /// The ordinal of the record at a storage position.
  func id(at position: UInt64) -> UInt64 { storageOrder[position] }

  /// Decodes `block` and puts its i-th sample at `places[i]` of the slot.
  func scatter(
    block: Int, to places: UnsafeBufferPointer<Int32>, of slot: UnsafeMutableRawPointer,
    placing: () -> Void
  ) throws {
    try decode(block, buffer)
    placing()
    let ids = layout.ids(slot)
    let first = UInt64(block * shape.samplesPerBlock)
    for i in 0..<places.count { ids[Int(places[i])] = storageOrder[first + UInt64(i)] }
    var source = UnsafeRawPointer(buffer.baseAddress!)
    for part in shape.parts {
      let bytes = part.bytes
      if let target = target(of: part.destination, in: slot) {
        for i in 0..<places.count {
          (target + Int(places[i]) * bytes).copyMemory(from: source + i * bytes, byteCount: bytes)
        }
      }
      source += places.count * bytes
    }
  }

  /// Puts the sample at a storage position at `place` of the slot.
  func gather(position: UInt64, to place: Int, of slot: UnsafeMutableRawPointer) throws {
    let (block, row) = Int(position).quotientAndRemainder(dividingBy: shape.samplesPerBlock)
    var source = try cache.block(block, decode: decode)
    let count = shape.count(inBlock: block)
    layout.ids(slot)[place] = storageOrder[position]
    for part in shape.parts {
      if let target = target(of: part.destination, in: slot) {
        (target + place * part.bytes).copyMemory(
          from: source + row * part.bytes, byteCount: part.bytes)
      }
      source += count * part.bytes
    }
  }

  private func target(
    of destination: RecordShape.Destination, in slot: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer? {
    switch destination {
    case .input(let k): layout.input(k, slot)
    case .label: layout.labels(slot)
    case .nowhere: nil
    }
  }
}
