// Samples of windowed sets: stretches of `length` rows drawn from long segments that are stored as blocks of rows
// (formats.md, "Windows"). A sample is the window transposed: channels x length. Decoded blocks are cached, since
// windows overlap.

import Basics
import CShuffle

/// The segments of a split and how windows are drawn from them.
struct WindowShape: Sendable {
  struct Segment: Equatable, Sendable {
    var firstBlock: Int
    var rowCount: Int
    var label: Int
  }
  struct Part: Equatable, Sendable {
    var channels: Int
    var valueBytes: Int
  }
  struct Window: Equatable, Sendable {
    var segment: Int
    var start: Int
  }
  var segments: [Segment]
  var rowsPerBlock: Int
  var length: Int
  var inputs: [Part]
  /// Bytes of a label, little endian; 0 for none.
  var labelBytes: Int
  /// The fixed list; nil where each epoch draws its own.
  var fixed: [Window]?

  var rowBytes: Int { inputs.reduce(0) { $0 + $1.channels * $1.valueBytes } }
  var sample: SampleShape {
    SampleShape(
      inputBytes: inputs.map { $0.channels * $0.valueBytes * length }, labelBytes: labelBytes)
  }

  /// Draw `draw` of an epoch: from the fixed list, or segment and start uniform under the draw's own key.
  func window(_ draw: UInt64, epoch: UInt64, seed: UInt64) -> Window {
    if let fixed { return fixed[Int(draw)] }
    var stream = RandomStream(RandomKey(seed: seed, "window", epoch, draw))
    let segment = stream.below(segments.count)
    return Window(segment: segment, start: stream.below(segments[segment].rowCount - length))
  }
}

final class WindowSource {
  private let shape: WindowShape
  private let layout: SlotLayout
  private let seed: UInt64
  private let cache: BlockCache
  private let decode: BlockDecoder

  init(
    _ shape: WindowShape, layout: SlotLayout, seed: UInt64, cacheBytes: Int,
    decode: @escaping BlockDecoder
  ) {
    self.shape = shape
    self.layout = layout
    self.seed = seed
    self.decode = decode
    cache = BlockCache(blockBytes: shape.rowsPerBlock * shape.rowBytes, byteLimit: cacheBytes)
  }

  /// The blocks whose rows a draw's window takes.
  func blocks(of draw: UInt64, epoch: UInt64) -> ClosedRange<Int> {
    let window = shape.window(draw, epoch: epoch, seed: seed)
    let first = shape.segments[window.segment].firstBlock
    return first + window.start / shape.rowsPerBlock...first
      + (window.start + shape.length - 1) / shape.rowsPerBlock
  }

  /// Puts a draw's window at `place` of the slot; its id is the draw's index.
  func gather(
    draw: UInt64, epoch: UInt64, to place: Int, of slot: UnsafeMutableRawPointer
  ) throws {
    let window = shape.window(draw, epoch: epoch, seed: seed)
    let segment = shape.segments[window.segment]
    layout.ids(slot)[place] = draw
    var row = window.start
    let end = window.start + shape.length
    while row < end {
      let (block, inBlock) = row.quotientAndRemainder(dividingBy: shape.rowsPerBlock)
      let blockRows = min(shape.rowsPerBlock, segment.rowCount - block * shape.rowsPerBlock)
      let count = min(end - row, blockRows - inBlock)
      var source = try cache.block(segment.firstBlock + block, decode: decode)
      for (k, part) in shape.inputs.enumerated() {
        let stride = part.channels * part.valueBytes
        transpose(
          from: source + inBlock * stride, rows: count, part,
          to: layout.input(k, slot) + place * stride * shape.length
            + (row - window.start) * part.valueBytes)
        source += blockRows * stride
      }
      row += count
    }
    guard shape.labelBytes > 0 else { return }
    let label = layout.labels(slot) + place * shape.labelBytes
    withUnsafeBytes(of: Int64(segment.label).littleEndian) {
      label.copyMemory(from: $0.baseAddress!, byteCount: shape.labelBytes)
    }
  }

  /// rows x channels to channels x length, sixteen rows at a time: a cache line of the target.
  private func transpose(
    from source: UnsafeRawPointer, rows: Int, _ part: WindowShape.Part,
    to target: UnsafeMutableRawPointer
  ) {
    func run<Value: BitwiseCopyable>(_: Value.Type) {
      let channels = part.channels
      let from = source.assumingMemoryBound(to: Value.self)
      let to = target.assumingMemoryBound(to: Value.self)
      var first = 0
      while first < rows {
        let last = min(first + 16, rows)
        for channel in 0..<channels {
          var a = from + (first &* channels &+ channel)
          let b = to + channel &* shape.length
          for row in first..<last {
            b[row] = a.pointee
            a += channels
          }
        }
        first = last
      }
    }
    switch part.valueBytes {
    case 1: run(UInt8.self)
    case 2: run(UInt16.self)
    case 4: csh_transpose4(source, rows, part.channels, target, shape.length)
    default: run(UInt64.self)
    }
  }
}
