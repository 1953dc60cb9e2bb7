// Reading a split: its manifest, and any block by number. Sizes are checked against the manifest when a shard is
// opened, contents by the frame's checksum.

import Basics

/// One split folder, read-only. Make it in the process that reads: LMDB environments do not survive a fork.
public final class ShardReader {
  public let directory: String
  public let manifest: Manifest
  private var databases: [ShardDatabaseReader?]
  private let decompressor = FrameDecompressor()
  private let shuffled: UnsafeMutableRawBufferPointer
  private let needsUnshuffle: Bool
  private var frequent: [(element: Int, count: Int)] = []
  private var frequentSamples = -1

  /// - Throws: missingInput without a finished split, badData when manifest and files do not fit.
  public convenience init(directory: String) throws {
    try self.init(directory: directory, manifest: Manifest(directory: directory))
  }

  /// With a manifest that was read before (it may be large).
  public init(directory: String, manifest: Manifest) throws {
    self.directory = directory
    self.manifest = manifest
    databases = .init(repeating: nil, count: manifest.shards.count)
    needsUnshuffle = manifest.fields.contains(where: \.byteShuffle)
    shuffled = .allocate(
      byteCount: needsUnshuffle ? manifest.samplesPerBlock * manifest.recordBytes : 1, alignment: 64
    )
    for shard in manifest.shards {
      let path = directory + "/" + shard.file
      guard Files.exists(path) else {
        throw Failure(
          .missingInput, at: path, "expected a shard of \(shard.bytes) bytes, found none",
          remedy: remedy)
      }
      let size = try Files.size(path)
      guard size == shard.bytes else {
        throw Failure(
          .badData, at: path, "expected \(shard.bytes) bytes, found \(size)", remedy: remedy)
      }
    }
  }

  deinit { shuffled.deallocate() }

  private var remedy: String {
    "The shard is damaged. Rebuild it with: metamae-prep build-shards --dataset \(manifest.dataset)"
      + " --raw RAW --out \(Files.parent(of: Files.parent(of: directory)))"
  }

  /// The shard that holds a block.
  public func shardIndex(ofBlock block: Int) -> Int {
    var (low, high) = (0, manifest.shards.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if manifest.shards[middle].firstBlock <= block { low = middle } else { high = middle }
    }
    return low
  }

  /// Where a person finds a block.
  public func place(ofBlock block: Int) -> String {
    "\(directory)/\(manifest.shards[shardIndex(ofBlock: block)].file), block \(block)"
  }

  /// Decodes a block: `manifest.byteCount(ofBlock:)` bytes, field after field.
  ///
  /// - Throws: badData that names shard and block when the frame is missing, damaged or of the wrong size.
  public func decode(block: Int, into target: UnsafeMutableRawBufferPointer) throws {
    let count = manifest.byteCount(ofBlock: block)
    precondition(target.count >= count, "a block of \(count) bytes into \(target.count)")
    let bytes = UnsafeMutableRawBufferPointer(rebasing: target[..<count])
    let frame = try frame(ofBlock: block)
    let staging =
      needsUnshuffle ? UnsafeMutableRawBufferPointer(rebasing: shuffled[..<count]) : bytes
    if let reason = decompressor.decompress(frame, into: staging) {
      throw Failure(.badData, at: place(ofBlock: block), reason, remedy: remedy)
    }
    if needsUnshuffle {
      let samples = manifest.sampleCount(ofBlock: block)
      if samples != frequentSamples {
        frequent = manifest.widths(ofBlock: block)
        frequentSamples = samples
      }
      ByteShuffle.undo(staging.baseAddress!, bytes.baseAddress!, frequent)
    }
  }

  /// The compressed frame of a block, in the mapped file: valid as long as this reader lives.
  public func frame(ofBlock block: Int) throws -> UnsafeRawBufferPointer {
    let index = shardIndex(ofBlock: block)
    let shard = manifest.shards[index]
    if databases[index] == nil {
      databases[index] = try ShardDatabaseReader(
        path: directory + "/" + shard.file, expectedBytes: shard.bytes,
        blocks: shard.firstBlock..<shard.firstBlock + shard.blockCount)
    }
    guard let frame = databases[index]!.frame(block: block) else {
      throw Failure(
        .badData, at: place(ofBlock: block), "the block is not in the shard", remedy: remedy)
    }
    return frame
  }
}
