// Writing shards: which blocks go to which file, and one shard from its blocks. A shard has its final name only when
// it is whole; the manifest, written last, makes the split.

import Basics
import Glibc

/// The cut of a split's blocks into shard files: about 64 MiB of records each.
public struct ShardPlan: Sendable {
  public let shards: [Range<Int>]

  public init(_ manifest: Manifest) {
    let perShard = max(1, (64 << 20) / max(1, manifest.mostBlockBytes))
    shards = stride(from: 0, to: manifest.blockCount, by: perShard).map {
      $0..<min($0 + perShard, manifest.blockCount)
    }
  }

  public static func fileName(_ shard: Int) -> String {
    let digits = String(shard)
    return "shard-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".mdb"
  }
}

/// Blocks of a split as frames; buffers reused.
public final class BlockCompressor {
  private let manifest: Manifest
  private let raw: UnsafeMutableRawBufferPointer
  private let shuffled: UnsafeMutableRawBufferPointer
  private let compressor: FrameCompressor

  /// - Parameter manifest: its layout fields; the shards need not be filled in yet.
  public init(_ manifest: Manifest) {
    self.manifest = manifest
    let most = manifest.mostBlockBytes
    raw = .allocate(byteCount: most, alignment: 64)
    shuffled = .allocate(byteCount: most, alignment: 64)
    compressor = FrameCompressor(mostBytes: most)
  }

  deinit {
    raw.deallocate()
    shuffled.deallocate()
  }

  /// The frame of a block; valid until the next call.
  /// - Parameter fill: writes the decoded block (field after field, see docs/formats.md) of the given number.
  public func frame(
    _ block: Int, fill: (Int, UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows -> UnsafeRawBufferPointer {
    let bytes = UnsafeMutableRawBufferPointer(rebasing: raw[..<manifest.byteCount(ofBlock: block)])
    try fill(block, bytes)
    let widths = manifest.widths(ofBlock: block)
    guard widths.contains(where: { $0.element > 1 }) else {
      return compressor.compress(UnsafeRawBufferPointer(bytes), widths: widths)
    }
    ByteShuffle.apply(bytes.baseAddress!, shuffled.baseAddress!, widths)
    return compressor.compress(
      UnsafeRawBufferPointer(rebasing: shuffled[..<bytes.count]), widths: widths)
  }
}

public enum ShardWriter {
  /// Writes the blocks of one shard and returns its manifest entry.
  ///
  /// - Parameters:
  ///   - manifest: its layout fields; the shards need not be filled in yet.
  ///   - fill: as `BlockCompressor.frame` takes it.
  public static func write(
    shard: Int, blocks: Range<Int>, of manifest: Manifest, in directory: String,
    fill: (Int, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> ShardEntry {
    let compressor = BlockCompressor(manifest)
    return try write(shard: shard, blocks: blocks, of: manifest, in: directory) { append in
      for block in blocks { try append(block, try compressor.frame(block, fill: fill)) }
    }
  }

  /// - Parameter frames: gives each block of the shard with its frame, in ascending order, to the function that it is
  ///   called with.
  public static func write(
    shard: Int, blocks: Range<Int>, of manifest: Manifest, in directory: String,
    frames: (_ append: (Int, UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws -> ShardEntry {
    let name = ShardPlan.fileName(shard)
    let (path, beside) = (directory + "/" + name, directory + "/" + name + unfinishedSuffix)
    do {
      // Twice the raw bytes and some pages bound the file whatever the compression does.
      let bound = blocks.count * (2 * manifest.mostBlockBytes + 4 * 4096) + (1 << 20)
      let database = try ShardDatabaseWriter(path: beside, mostBytes: bound)
      var next = blocks.lowerBound
      try frames { block, frame in
        precondition(block == next, "block \(block) in the place of \(next)")
        try database.append(block: block, frame)
        next += 1
      }
      precondition(next == blocks.upperBound, "\(next) of \(blocks) blocks")
      try database.flush()
      let entry = try ShardEntry(file: name, at: beside, blocks: blocks)
      try database.finish()
      guard rename(beside, path) == 0 else {
        throw Failure.system(errno, at: path, "cannot rename")
      }
      try Files.sync(folder: directory)
      return entry
    } catch {
      unlink(beside)
      throw error
    }
  }
}

extension Manifest {
  public var mostBlockBytes: Int { samplesPerBlock * recordBytes }

  /// No frame of a block is longer.
  public var mostFrameBytes: Int { FrameCompressor.mostFrameBytes(of: mostBlockBytes) }

  /// (bytes of an element, elements) of each field of a block: what the byte shuffle goes by.
  func widths(ofBlock block: Int) -> [(element: Int, count: Int)] {
    let samples = sampleCount(ofBlock: block)
    return fields.map { field in
      let bytes = samples * field.byteCount
      return field.byteShuffle ? (field.type.byteCount, bytes / field.type.byteCount) : (1, bytes)
    }
  }
}
