import Basics
import Glibc
import ShardFormat
import TestSupport
import Testing

@Suite struct ShardReaderTests {
  @Test(arguments: [1, 7, 8, 9, 100])
  func readsBackWhatWasWritten(count: Int) throws {
    let folder = try TemporaryFolder()
    try SyntheticSplit.records(count, in: folder.path)
    let reader = try ShardReader(directory: folder.path)
    let manifest = reader.manifest
    #expect(manifest.sampleCount == count)
    var seen: Set<Int> = []
    for block in 0..<manifest.blockCount {
      let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: manifest.byteCount(ofBlock: block), alignment: 8)
      defer { bytes.deallocate() }
      try reader.decode(block: block, into: bytes)
      for s in 0..<manifest.sampleCount(ofBlock: block) {
        let ordinal = Int(manifest.storageOrder[UInt64(block * manifest.samplesPerBlock + s)])
        #expect(bytes[s * 48 + 5] == UInt8((ordinal + 35) % 256))
        let tokens = manifest.offset(ofField: 1, inBlock: block)
        #expect(
          bytes.load(fromByteOffset: tokens + s * 20 + 4, as: Int32.self) == Int32(ordinal * 10 + 1)
        )
        let labels = manifest.offset(ofField: 2, inBlock: block)
        #expect(bytes.load(fromByteOffset: labels + 2 * s, as: UInt16.self) == UInt16(ordinal % 10))
        seen.insert(ordinal)
      }
    }
    #expect(seen == Set(0..<count))
  }

  /// A block that is prefetched, and those that follow several read one after the other, come from the disk by themselves.
  @Test(
    .enabled("files leave memory where tests write") { try PageCache.canForget() },
    arguments: [true, false]
  ) func blocksComeIntoMemory(prefetched: Bool) throws {
    let folder = try TemporaryFolder()
    let manifest = try SyntheticSplit.records(
      40_000, samplesPerBlock: 512, blocksPerShard: 80, in: folder.path)
    let shard = manifest.shards[0]
    let reader = try ShardReader(directory: folder.path)
    // Opens the shard: its own pages are read.
    _ = try reader.frame(ofBlock: 0)
    #expect(try PageCache.forget(folder.file(shard.file)))
    let block = shard.blockCount - 10
    let frame = try reader.frame(ofBlock: block)
    #expect(!PageCache.holds(frame, withinSeconds: 0))
    if prefetched {
      reader.prefetch(block: block)
    } else {
      for block in 0..<6 { _ = try reader.frame(ofBlock: block) }
    }
    #expect(PageCache.holds(frame, withinSeconds: 10))
  }

  @Test func twiceTheSameBytes() throws {
    let (a, b) = (try TemporaryFolder(), try TemporaryFolder())
    let first = try SyntheticSplit.records(500, in: a.path)
    try SyntheticSplit.records(500, in: b.path)
    for shard in first.shards {
      #expect(try Files.read(a.file(shard.file)) == Files.read(b.file(shard.file)), "\(shard.file)")
    }
    #expect(try Files.read(a.file("manifest.json")) == Files.read(b.file("manifest.json")))
    #expect(try Files.list(a.path).count == first.shards.count + 1, "nothing unfinished is left")
  }

  /// Every byte of every frame, flipped: never wrong numbers, always the shard's and the block's name.
  @Test func aFlippedBitIsFound() throws {
    let folder = try TemporaryFolder()
    let manifest = try SyntheticSplit.records(40, in: folder.path)
    let path = folder.file(manifest.shards[0].file)
    let whole = try Files.read(path)
    let intact = try ShardReader(directory: folder.path)
    let frame = try withExtendedLifetime(intact) { Array(try intact.frame(ofBlock: 1)) }
    let start = try #require(whole.indices.first { whole[$0...].starts(with: frame) })
    let target = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
    defer { target.deallocate() }
    for offset in stride(from: 0, to: frame.count, by: 3) {
      var damaged = whole
      damaged[start + offset] ^= 1 << UInt8(offset % 8)
      try damaged.withUnsafeBytes { try Files.write($0, to: path) }
      let reader = try ShardReader(directory: folder.path)
      let failure = #expect(throws: Failure.self, "byte \(offset)") {
        try reader.decode(block: 1, into: target)
      }
      #expect(failure?.kind == .badData)
      #expect(failure?.place == "\(folder.path)/shard-00000.mdb, block 1")
    }
  }

  @Test func aTruncatedShardIsRefusedAtOpening() throws {
    let folder = try TemporaryFolder()
    let manifest = try SyntheticSplit.records(40, in: folder.path)
    let path = folder.file(manifest.shards[0].file)
    truncate(path, manifest.shards[0].bytes - 4096)
    let failure = #expect(throws: Failure.self) { try ShardReader(directory: folder.path) }
    #expect(failure?.kind == .badData)
    #expect(
      failure?.problem
        == "expected \(manifest.shards[0].bytes) bytes, found \(manifest.shards[0].bytes - 4096)")
    unlink(path)
    #expect(throws: Failure.self) { try ShardReader(directory: folder.path) }
  }

  @Test func anAbsentSplitSaysHowToBuildIt() throws {
    let folder = try TemporaryFolder()
    let failure = #expect(throws: Failure.self) {
      try ShardReader(directory: folder.file("pretrain"))
    }
    #expect(failure?.kind == .missingInput)
    #expect(failure?.remedy?.contains("metamae-prep build-shards") == true)
  }

  @Test(arguments: [
    ("\"format_version\" : 2", "\"format_version\" : 9", "expected format version 1 to 2, found 9"),
    ("\"xxh128\"", "\"md5\"", "shard 'shard-00000.mdb' has no checksum"),
    (
      "\"format_version\" : 2", "\"format_version\" : 1",
      "shard 'shard-00000.mdb' has no checksum"
    ),
    ("\"sample_count\" : 40", "\"sample_count\" : 41", "expected 6 blocks, found 5"),
    ("\"sample_count\"", "\"simple_count\"", "the field 'sampleCount' is missing"),
    ("{", "(", "it is no JSON manifest"),
  ])
  func aManifestThatLiesIsRefused(from: String, to: String, message: String) throws {
    let folder = try TemporaryFolder()
    try SyntheticSplit.records(40, in: folder.path)
    let text = String(decoding: try Files.read(folder.file("manifest.json")), as: UTF8.self)
    let changed = text.split(separator: from, maxSplits: 1, omittingEmptySubsequences: false)
      .joined(separator: to)
    #expect(changed != text)
    try Files.writeAtomically(changed, to: folder.file("manifest.json"))
    let failure = #expect(throws: Failure.self) { try ShardReader(directory: folder.path) }
    #expect(failure?.kind == .badData)
    #expect(failure?.problem == message)
  }

  /// Shards of format version 1 have SHA-256 instead.
  @Test func shardsOfVersionOneAreRead() throws {
    let folder = try TemporaryFolder()
    let manifest = try SyntheticSplit.records(40, in: folder.path)
    let (name, now) = (manifest.shards[0].file, manifest.shards[0].xxh128!)
    let before = try Digest.sha256(file: folder.file(name))
    var text = String(decoding: try Files.read(folder.file("manifest.json")), as: UTF8.self)
    text.replace("\"format_version\" : 2", with: "\"format_version\" : 1")
    for shard in manifest.shards {
      let digest = try Digest.sha256(file: folder.file(shard.file))
      text.replace("\"xxh128\" : \"\(shard.xxh128!)\"", with: "\"sha256\" : \"\(digest)\"")
    }
    try Files.writeAtomically(text, to: folder.file("manifest.json"))
    let shard = try ShardReader(directory: folder.path).manifest.shards[0]
    #expect(shard.xxh128 == nil)
    #expect(try shard.difference(from: folder.file(name)) == nil)
    #expect(try manifest.shards[0].difference(from: folder.file(name)) == nil)
    try flip(bit: 40_000, of: folder.file(name))
    let found = try Digest.sha256(file: folder.file(name))
    #expect(
      try shard.difference(from: folder.file(name))
        == "expected SHA-256 \(before), found \(found)")
    #expect(
      try manifest.shards[0].difference(from: folder.file(name))?.hasPrefix(
        "expected XXH128 \(now), found ") == true)
  }

  /// The vector of datasets.md section 4: 66 segments of 10,000 lines.
  @Test func fixedWindowsFollowTheLegacyStream() throws {
    let segments = (0..<66).map {
      Segment(rowCount: 10_000, firstBlock: 10 * $0, label: 0, group: "")
    }
    var manifest = Manifest(
      dataset: "x", split: "train", inputs: [], fields: [Field("input.0", .float32, [1])],
      task: .none,
      transforms: [], sampleCount: 660_000, samplesPerBlock: 1000,
      sampling: Sampling(length: 320, perEpoch: 8, fixed: true), segments: segments,
      provenance: Provenance())
    let expected = [
      (44, 3264), (9, 7891), (21, 5874), (36, 6744), (12, 705), (39, 2222), (37, 537), (9, 6036),
    ].map { Manifest.Window(segment: $0.0, start: $0.1) }
    #expect(manifest.fixedWindows() == expected)
    manifest.sampling!.perEpoch = 5
    manifest.sampling!.preceding = [.init(rowCounts: .init(repeating: 10_000, count: 66), count: 3)]
    #expect(manifest.fixedWindows() == Array(expected[3...]))
  }
}

/// What of files is in memory.
private enum PageCache {
  /// Asks the kernel to forget a file; whether its middle went.
  static func forget(_ path: String) throws -> Bool {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    defer { close(file) }
    let bytes = try Files.size(path)
    fdatasync(file)
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
    guard let map = mmap(nil, bytes, PROT_READ, MAP_SHARED, file, 0), map != MAP_FAILED else {
      throw Failure.system(errno, at: path, "cannot map")
    }
    defer { munmap(map, bytes) }
    return !holds(UnsafeRawBufferPointer(start: map + bytes / 2, count: 1), withinSeconds: 0)
  }

  static func canForget() throws -> Bool {
    let folder = try TemporaryFolder()
    let bytes = [UInt8](repeating: 1, count: 1 << 20)
    try bytes.withUnsafeBytes { try Files.write($0, to: folder.file("some")) }
    return try forget(folder.file("some"))
  }

  /// Whether all pages of mapped bytes are there; none is touched.
  static func holds(_ bytes: UnsafeRawBufferPointer, withinSeconds seconds: Int) -> Bool {
    let page = Int(getpagesize())
    let start = Int(bitPattern: bytes.baseAddress) / page * page
    let count = Int(bitPattern: bytes.baseAddress) + bytes.count - start
    var pages = [UInt8](repeating: 0, count: (count + page - 1) / page)
    for attempt in 0...seconds * 100 {
      if attempt > 0 { usleep(10_000) }
      mincore(UnsafeMutableRawPointer(bitPattern: start), count, &pages)
      if pages.allSatisfy({ $0 & 1 == 1 }) { return true }
    }
    return false
  }
}
