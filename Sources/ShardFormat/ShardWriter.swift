// Writing shards: which blocks go to which file, and one shard from its blocks. A shard has its final name only when
// it is whole; the manifest, written last, makes the split.

import Basics
import Glibc

/// The cut of a split's blocks into shard files: about 64 MiB of records each.
public struct ShardPlan: Sendable {
  public let shards: [Range<Int>]

  public init(_ manifest: Manifest) {
    let perShard = max(1, (64 << 20) / max(1, manifest.samplesPerBlock * manifest.recordBytes))
    shards = stride(from: 0, to: manifest.blockCount, by: perShard).map {
      $0..<min($0 + perShard, manifest.blockCount)
    }
  }

  public static func fileName(_ shard: Int) -> String {
    let digits = String(shard)
    return "shard-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".mdb"
  }
}

public enum ShardWriter {
  /// Writes the blocks of one shard and returns its manifest entry.
  ///
  /// - Parameters:
  ///   - manifest: its layout fields; the shards need not be filled in yet.
  ///   - fill: writes the decoded block (field after field, see docs/formats.md) of the given number.
  public static func write(
    shard: Int, blocks: Range<Int>, of manifest: Manifest, in directory: String,
    fill: (Int, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> ShardEntry {
    let name = ShardPlan.fileName(shard)
    let (path, beside) = (directory + "/" + name, directory + "/" + name + unfinishedSuffix)
    let most = manifest.samplesPerBlock * manifest.recordBytes
    let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: 64)
    let shuffled = UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: 64)
    defer {
      raw.deallocate()
      shuffled.deallocate()
    }
    let compressor = FrameCompressor(mostBytes: most)
    do {
      // Twice the raw bytes and some pages bound the file whatever the compression does.
      let bound = blocks.count * (2 * most + 4 * 4096) + (1 << 20)
      let database = try ShardDatabaseWriter(path: beside, mostBytes: bound)
      for block in blocks {
        let bytes = UnsafeMutableRawBufferPointer(
          rebasing: raw[..<manifest.byteCount(ofBlock: block)])
        try fill(block, bytes)
        let widths = manifest.widths(ofBlock: block)
        ByteShuffle.apply(bytes.baseAddress!, shuffled.baseAddress!, widths)
        let frame = compressor.compress(
          UnsafeRawBufferPointer(rebasing: shuffled[..<bytes.count]), widths: widths)
        try database.append(block: block, frame)
      }
      try database.flush()
      let entry = ShardEntry(
        file: name, bytes: try Files.size(beside), sha256: try Digest.sha256(file: beside),
        firstBlock: blocks.lowerBound, blockCount: blocks.count)
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
  /// (bytes of an element, elements) of each field of a block: what the byte shuffle goes by.
  func widths(ofBlock block: Int) -> [(element: Int, count: Int)] {
    let samples = sampleCount(ofBlock: block)
    return fields.map { field in
      let bytes = samples * field.byteCount
      return field.byteShuffle ? (field.type.byteCount, bytes / field.type.byteCount) : (1, bytes)
    }
  }
}
