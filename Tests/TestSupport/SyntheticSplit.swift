// Small finished splits with known contents, for the tests of everything that reads shards.

import Basics
import ShardFormat

public enum SyntheticSplit {
  /// Fixed records: input.0 is uint8 [3, 4, 4] with value (ordinal + 7 i) mod 256, input.1 int32 [5] with value
  /// ordinal * 10 + i, label uint16 = ordinal mod 10.
  @discardableResult
  public static func records(
    _ count: Int, samplesPerBlock: Int = 8, blocksPerShard: Int = 4, in directory: String,
    split: String = "pretrain"
  ) throws -> Manifest {
    var manifest = Manifest(
      dataset: "synthetic", split: split,
      inputs: [
        InputDescription(kind: "image", shape: [3, 4, 4], patch: [2, 2]),
        InputDescription(kind: "tokens", shape: [5], patch: [1], vocabulary: 10 * count + 5),
      ],
      fields: [
        Field("input.0", .uint8, [3, 4, 4]), Field("input.1", .int32, [5]),
        Field("label", .uint16, []),
      ],
      task: TaskDescription(
        kind: "classes", classes: 10, names: (0..<10).map { "class \($0)" }, metric: "accuracy"),
      transforms: [Transform(scale: [1 / 255]), Transform()], sampleCount: count,
      samplesPerBlock: samplesPerBlock, provenance: Provenance())
    let order = manifest.storageOrder
    let layout = manifest
    try finish(&manifest, blocksPerShard, in: directory) { block, bytes in
      let n = layout.sampleCount(ofBlock: block)
      for s in 0..<n {
        let ordinal = Int(order[UInt64(block * layout.samplesPerBlock + s)])
        for i in 0..<48 { bytes[s * 48 + i] = UInt8((ordinal + 7 * i) % 256) }
        for i in 0..<5 {
          bytes.storeBytes(
            of: Int32(ordinal * 10 + i), toByteOffset: n * 48 + (s * 5 + i) * 4, as: Int32.self)
        }
        bytes.storeBytes(of: UInt16(ordinal % 10), toByteOffset: n * 68 + s * 2, as: UInt16.self)
      }
    }
    return manifest
  }

  /// A windowed set: rows of two float channels, (1000 segment + row, -row).
  @discardableResult
  public static func windows(
    rowCounts: [Int], length: Int, perEpoch: Int, fixed: Bool, samplesPerBlock: Int = 16,
    blocksPerShard: Int = 4, preceding: [Sampling.PrecedingDraws] = [], in directory: String,
    split: String = "pretrain"
  ) throws -> Manifest {
    var first = 0
    let segments = rowCounts.enumerated().map { k, rows in
      defer { first += (rows + samplesPerBlock - 1) / samplesPerBlock }
      return Segment(rowCount: rows, firstBlock: first, label: k % 3, group: "subject \(k / 2)")
    }
    var manifest = Manifest(
      dataset: "synthetic-windows", split: split,
      inputs: [InputDescription(kind: "series", shape: [2, length], patch: [max(1, length / 4)])],
      fields: [Field("input.0", .float32, [2])],
      task: TaskDescription(
        kind: "classes", classes: 3, names: ["a", "b", "c"], metric: "accuracy"),
      transforms: [Transform()], sampleCount: rowCounts.reduce(0, +),
      samplesPerBlock: samplesPerBlock,
      sampling: Sampling(length: length, perEpoch: perEpoch, fixed: fixed, preceding: preceding),
      segments: segments, provenance: Provenance())
    let layout = manifest
    try finish(&manifest, blocksPerShard, in: directory) { block, bytes in
      let k = layout.segmentIndex(ofBlock: block)
      let start = (block - segments[k].firstBlock) * samplesPerBlock
      for r in 0..<layout.sampleCount(ofBlock: block) {
        bytes.storeBytes(of: Float(1000 * k + start + r), toByteOffset: 8 * r, as: Float.self)
        bytes.storeBytes(of: -Float(start + r), toByteOffset: 8 * r + 4, as: Float.self)
      }
    }
    return manifest
  }

  /// Blocks of one record of random bytes each (`noise(ofRecord:)` its ordinal), which zstd stores as they are: frames and
  /// shards of one length whatever the seed.
  @discardableResult
  public static func noise(
    bytes count: Int, blocks: Int, blocksPerShard: Int = .max, seed: UInt64 = 0,
    in directory: String, split: String = "pretrain"
  ) throws -> Manifest {
    var manifest = Manifest(
      dataset: "synthetic-noise", split: split,
      inputs: [InputDescription(kind: "image", shape: [1, 1, count], patch: [1, 1])],
      fields: [Field("input.0", .uint8, [1, 1, count])], task: .none, transforms: [Transform()],
      sampleCount: blocks, samplesPerBlock: 1, provenance: Provenance())
    let order = manifest.storageOrder
    try finish(&manifest, min(blocksPerShard, blocks), in: directory) { block, bytes in
      bytes.copyBytes(from: noise(ofRecord: order[UInt64(block)], bytes: count, seed: seed))
    }
    return manifest
  }

  public static func noise(ofRecord ordinal: UInt64, bytes count: Int, seed: UInt64 = 0) -> [UInt8]
  {
    var stream = RandomStream(RandomKey(seed: seed, "noise", ordinal))
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: stream.next()) }
  }

  private static func finish(
    _ manifest: inout Manifest, _ blocksPerShard: Int, in directory: String,
    fill: (Int, UnsafeMutableRawBufferPointer) -> Void
  ) throws {
    try Files.createFolder(directory)
    for (shard, block) in stride(from: 0, to: manifest.blockCount, by: blocksPerShard).enumerated()
    {
      manifest.shards.append(
        try ShardWriter.write(
          shard: shard, blocks: block..<min(block + blocksPerShard, manifest.blockCount),
          of: manifest,
          in: directory, fill: fill))
    }
    try manifest.write(to: directory)
  }
}
