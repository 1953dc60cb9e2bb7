// The records of the load cases: those of the comparison with PyTorch (scripts/compare-loader), or, with
// METAMAE_LOAD_RECORDS=DIR, the very bytes that its Python side has written to DIR/NAME.bin.

import Basics
import Glibc
import ShardFormat

/// One set of synthetic records.
struct LoadRecords: Sendable {
  let name: String
  let shape: [Int]
  let type: ElementType
  var count: Int
  let batch: Int
  /// Rows of long recordings, delivered as windows, instead of records.
  var windows = false

  static let all = [
    LoadRecords(name: "higgs", shape: [1, 28], type: .float32, count: 60_000, batch: 256),
    LoadRecords(name: "wafer-map", shape: [3, 32, 32], type: .uint8, count: 30_000, batch: 128),
    LoadRecords(name: "pamap2", shape: [52, 320], type: .float32, count: 6_000, batch: 256),
    LoadRecords(
      name: "pamap2-windows", shape: [52, 320], type: .float32, count: 200_000, batch: 256,
      windows: true),
    LoadRecords(
      name: "libri-speech", shape: [1, 224, 224], type: .float32, count: 2_000, batch: 64),
  ]

  var valueCount: Int { shape.reduce(1, *) }
  var recordBytes: Int { valueCount * type.byteCount }
  /// Bytes of a sample as delivered.
  var sampleBytes: Int { recordBytes }

  /// Writes the shards of a split.
  func write(to folder: String) throws {
    let layout = manifest
    let source = try source()
    let order = layout.storageOrder
    let width = layout.fields[0].byteCount
    try layout.write(to: folder) { block, bytes in
      let n = layout.sampleCount(ofBlock: block)
      for i in 0..<n {
        let position = UInt64(block * layout.samplesPerBlock + i)
        let ordinal = windows ? position : order[position]
        source(
          Int(ordinal),
          UnsafeMutableRawBufferPointer(rebasing: bytes[i * width..<(i + 1) * width]))
        guard !windows else { continue }
        bytes.storeBytes(
          of: UInt16(ordinal % 10), toByteOffset: n * width + 2 * i, as: UInt16.self)
      }
    }
  }

  private var manifest: Manifest {
    let input = InputDescription(
      kind: shape.count == 3 ? "image" : "series", shape: shape,
      patch: shape.count == 3 ? [shape[1] / 4, shape[2] / 4] : [shape[1] / 4])
    let field = Field("input.0", type, windows ? [shape[0]] : shape)
    let label = Field("label", .uint16, [])
    let fields = windows ? [field] : [field, label]
    return Manifest(
      dataset: name, split: "pretrain", inputs: [input], fields: fields,
      task: TaskDescription(
        kind: "classes", classes: 10, names: (0..<10).map { "\($0)" }, metric: "accuracy"),
      transforms: [Transform(scale: [type == .uint8 ? 1 / 255 : 1])], sampleCount: count,
      samplesPerBlock: Manifest.standardSamplesPerBlock(
        recordBytes: fields.reduce(0) { $0 + $1.byteCount }),
      sampling: windows ? Sampling(length: shape[1], perEpoch: 50_000, fixed: false) : nil,
      segments: windows
        ? [Segment(rowCount: count, firstBlock: 0, label: 0, group: "one")] : nil,
      provenance: Provenance())
  }

  /// Writes record `ordinal` to memory: bytes 0, 127 or 254 at random; sums of normal steps along the last axis.
  private func source() throws -> (Int, UnsafeMutableRawBufferPointer) -> Void {
    if let folder = getenv("METAMAE_LOAD_RECORDS"), !windows {
      let path = String(cString: folder) + "/\(name).bin"
      let bytes = try Files.read(path)
      guard bytes.count == count * recordBytes else {
        throw Failure(
          .badData, at: path, "expected \(count * recordBytes) bytes, found \(bytes.count)")
      }
      return { ordinal, target in
        bytes[ordinal * recordBytes..<(ordinal + 1) * recordBytes].withUnsafeBytes {
          target.copyMemory(from: $0)
        }
      }
    }
    let channels = shape[0]
    if windows {
      var streams = (0..<channels).map { RandomStream(RandomKey(seed: 0, "row", UInt64($0))) }
      var row = [Float](repeating: 0, count: channels)
      // Rows are asked for in their order.
      return { _, target in
        for c in 0..<channels {
          row[c] += Float(streams[c].normal())
          target.storeBytes(of: row[c], toByteOffset: 4 * c, as: Float.self)
        }
      }
    }
    let length = shape.last!
    return { ordinal, target in
      var stream = RandomStream(RandomKey(seed: 0, "record", UInt64(ordinal)))
      if type == .uint8 {
        for i in 0..<valueCount { target[i] = UInt8(stream.below(3) * 127) }
        return
      }
      var sum = 0.0
      for i in 0..<valueCount {
        if i % length == 0 { sum = 0 }
        sum += stream.normal()
        target.storeBytes(of: Float(sum), toByteOffset: 4 * i, as: Float.self)
      }
    }
  }
}
