// Reading a split: its manifest, and any block by number. Sizes are checked against the manifest when a shard is
// opened, contents by the frame's checksum.

import Basics

/// One split folder, read-only. Make it in the process that reads: LMDB environments do not survive a fork.
public final class ShardReader {
  public let directory: String
  public let manifest: Manifest
  private var databases: [ShardDatabaseReader?]
  /// Which files the shards were when somebody looked first; nil: whatever is there.
  private let identities: [FileIdentity?]
  /// The block that was asked for last.
  private var current: (block: Int, frame: UnsafeRawBufferPointer)?
  private var sequence = SequentialReadAhead()
  /// A shard that could not be opened to prefetch from.
  private var unopened = -1
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
  /// - Parameter identities: of the shards' files when they were first seen: another file is refused.
  public init(
    directory: String, manifest: Manifest, identities: [FileIdentity?] = []
  ) throws {
    self.directory = directory
    self.identities =
      identities.isEmpty ? .init(repeating: nil, count: manifest.shards.count) : identities
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
  /// - Parameter bit: for drills: decodes with one bit of the frame flipped, chosen by this number.
  /// - Throws: badData that names shard and block when the frame is missing, damaged or of the wrong size.
  public func decode(
    block: Int, into target: UnsafeMutableRawBufferPointer, flipping bit: UInt64? = nil
  ) throws {
    let count = manifest.byteCount(ofBlock: block)
    precondition(target.count >= count, "a block of \(count) bytes into \(target.count)")
    let bytes = UnsafeMutableRawBufferPointer(rebasing: target[..<count])
    let frame = try frame(ofBlock: block)
    let staging =
      needsUnshuffle ? UnsafeMutableRawBufferPointer(rebasing: shuffled[..<count]) : bytes
    if let reason = decompress(frame, into: staging, flipping: bit) {
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

  /// Decompresses a block and leaves the bytes of byte-shuffled fields apart: for who regroups them on the way.
  /// - Parameter bit: as in `decode`.
  public func decompress(
    block: Int, into target: UnsafeMutableRawBufferPointer, flipping bit: UInt64? = nil
  ) throws {
    let bytes = UnsafeMutableRawBufferPointer(
      rebasing: target[..<manifest.byteCount(ofBlock: block)])
    if let reason = decompress(try frame(ofBlock: block), into: bytes, flipping: bit) {
      throw Failure(.badData, at: place(ofBlock: block), reason, remedy: remedy)
    }
  }

  private func decompress(
    _ frame: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
    flipping bit: UInt64?
  ) -> String? {
    guard let bit else { return decompressor.decompress(frame, into: target) }
    var copy = Array(frame)
    let place = Int(bit % UInt64(8 * copy.count))
    copy[place / 8] ^= 1 << (place % 8)
    return copy.withUnsafeBytes { decompressor.decompress($0, into: target) }
  }

  /// The compressed frame of a block, in the mapped file: valid until a frame of another block is asked for.
  ///
  /// The file's length is looked at for each block: one cut short under its mapping would end the process.
  public func frame(ofBlock block: Int) throws -> UnsafeRawBufferPointer {
    if let current, current.block == block { return current.frame }
    current = nil
    let frame = try lookUp(block)
    sequence.willRead(block, of: shardIndex(ofBlock: block), frame)
    current = (block, frame)
    return frame
  }

  /// Has a block's frame brought into memory, without waiting for it. Blocks that are read one after the other need none
  /// of this. What is wrong with a shard is left to who reads it.
  public func prefetch(block: Int) {
    let index = shardIndex(ofBlock: block)
    if databases[index] == nil {
      guard index != unopened else { return }
      databases[index] = try? openAlone(index)
      if databases[index] == nil { unopened = index }
    }
    guard databases[index] != nil, let frame = try? lookUp(block) else { return }
    ReadAhead.request(UInt(bitPattern: frame.baseAddress), UInt(frame.count))
  }

  private func lookUp(_ block: Int) throws -> UnsafeRawBufferPointer {
    let index = shardIndex(ofBlock: block)
    let shard = manifest.shards[index]
    let database = try databases[index] ?? open(index)
    if let changed = Self.change(
      try database.identity(), byteCount: shard.bytes, expected: identities[index])
    {
      throw Failure(
        .badData, at: place(ofBlock: block), changed, remedy: Self.changeRemedy)
    }
    guard let frame = database.frame(block: block) else {
      throw Failure(
        .badData, at: place(ofBlock: block), "the block is not in the shard", remedy: remedy)
    }
    return frame
  }

  /// Opens a shard. Without a descriptor left, all others are closed and it is tried once more.
  private func open(_ index: Int) throws -> ShardDatabaseReader {
    let database: ShardDatabaseReader
    do {
      database = try openAlone(index)
    } catch let failure as Failure where failure.kind == .tryAgain {
      guard databases.contains(where: { $0 != nil }) else { throw failure }
      for k in databases.indices { databases[k] = nil }
      database = try openAlone(index)
    }
    databases[index] = database
    return database
  }

  private func openAlone(_ index: Int) throws -> ShardDatabaseReader {
    let shard = manifest.shards[index]
    return try ShardDatabaseReader(
      path: directory + "/" + shard.file, expectedBytes: shard.bytes,
      blocks: shard.firstBlock..<shard.firstBlock + shard.blockCount)
  }

  /// What has happened to a shard's file; nil: nothing.
  public static func change(
    _ found: FileIdentity, byteCount: Int, expected: FileIdentity?
  ) -> String? {
    if found.byteCount != byteCount {
      return
        "expected a file of \(byteCount) bytes, found \(found.byteCount): it was changed while in use"
    }
    if let expected, found != expected {
      return
        "expected the file that was there at the start, found another: it was replaced while in use"
    }
    return nil
  }

  public static let changeRemedy =
    "Rebuild the shards with metamae-prep build-shards, or copy them again."
}
