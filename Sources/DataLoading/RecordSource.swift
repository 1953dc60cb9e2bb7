// Samples of fixed records: a block holds field after field, each with the values of all its samples (formats.md,
// "Blocks"). A block is decoded once into a reused buffer and its samples are scattered into the slot.

import Basics
import CShuffle

/// Decodes a block into a buffer that is large enough. Bytes that are stored apart stay so for records, and are put together for the rows of windows.
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
    /// Bytes of a number that lie apart in the block; 1: as they are.
    var width = 1
    /// Whether its numbers are single bytes: those may lie anywhere.
    var isBytes = false
    var isInput: Bool { if case .input = destination { true } else { false } }
  }
  var sampleCount: Int
  var samplesPerBlock: Int
  /// The fields in their order in a block, with the bytes of one sample.
  var parts: [Part]

  var blockCount: Int { (sampleCount + samplesPerBlock - 1) / samplesPerBlock }
  var recordBytes: Int { parts.reduce(0) { $0 + $1.bytes } }

  /// What to decompress into the slots when chunks are made of whole blocks: worth it when most bytes can stay there.
  /// - Parameter blocks: of a chunk at most.
  func area(blocks: Int) -> BlockArea? {
    let staying = parts.filter { $0.isBytes && $0.destination != .nowhere }
    guard 2 * staying.reduce(0, { $0 + $1.bytes }) > recordBytes else { return nil }
    let inputs = parts.filter(\.isInput).count
    return BlockArea(
      blockCount: min(blocks, blockCount), blockBytes: samplesPerBlock * recordBytes,
      inputs: (0..<inputs).map { k in staying.contains { $0.destination == .input(k) } },
      label: staying.contains { $0.destination == .label })
  }

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

  /// Decodes `block` into the slot: its i-th sample becomes the chunk's `order[i]`-th.
  ///
  /// Fields of single bytes stay where the decompressor has put them, the others are put together beside them.
  /// - Parameters:
  ///   - number: of the block in its chunk.
  ///   - first: samples of the chunk's blocks before it.
  func place(
    block: Int, _ number: Int, after first: Int, as order: UnsafeBufferPointer<Int32>,
    in slot: UnsafeMutableRawPointer, placing: () -> Void
  ) throws {
    let staging = layout.area == nil ? buffer : layout.block(number, slot)
    try decode(block, staging)
    placing()
    let ids = layout.ids(slot)
    let position = UInt64(block * shape.samplesPerBlock)
    for i in 0..<order.count { ids[Int(order[i])] = storageOrder[position + UInt64(i)] }
    var source = UnsafeRawPointer(staging.baseAddress!)
    for part in shape.parts {
      let bytes = part.bytes
      if let (k, target) = target(of: part.destination, in: slot) {
        var start = source - UnsafeRawPointer(slot)
        if !stays(part.destination) {
          let values = order.count * (bytes / part.width)
          let there = target + first * bytes
          csh_unshuffle(Int32(part.width), source, values, there, values)
          start = there - slot
        }
        let places = layout.places(k, slot)
        for i in 0..<order.count { places[Int(order[i])] = start + i &* bytes }
      }
      source += order.count * bytes
    }
  }

  /// Whether a field of a block that was decompressed into the slot stays there.
  private func stays(_ destination: RecordShape.Destination) -> Bool {
    switch destination {
    case .input(let k): layout.area?.inputs[k] == true
    case .label: layout.area?.label == true
    case .nowhere: false
    }
  }

  /// The block of a storage position.
  func block(of position: UInt64) -> Int { Int(position) / shape.samplesPerBlock }

  /// Puts the sample at a storage position at `place` of the slot.
  func gather(position: UInt64, to place: Int, of slot: UnsafeMutableRawPointer) throws {
    let (block, row) = Int(position).quotientAndRemainder(dividingBy: shape.samplesPerBlock)
    var source = try cache.block(block, decode: decode)
    let count = shape.count(inBlock: block)
    layout.ids(slot)[place] = storageOrder[position]
    for part in shape.parts {
      if let (_, target) = target(of: part.destination, in: slot) {
        let values = part.bytes / part.width
        csh_unshuffle(
          Int32(part.width), source + row * values, values * count, target + place * part.bytes,
          values)
      }
      source += count * part.bytes
    }
  }

  /// Which places a field has, and where its values go when they are copied.
  private func target(
    of destination: RecordShape.Destination, in slot: UnsafeMutableRawPointer
  ) -> (places: Int, values: UnsafeMutableRawPointer)? {
    switch destination {
    case .input(let k): (k, layout.input(k, slot))
    case .label: (layout.sample.inputBytes.count, layout.labels(slot))
    case .nowhere: nil
    }
  }
}
