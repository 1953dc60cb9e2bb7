// load/NAME/K-workers: shards to batches of float32, through the forked workers and their rings; load/NAME/decode: the
// bare decompression of the same blocks; load/hand-over/1-workers: batches of 8 MiB that nobody has to decode.

import Basics
import DataLoading
import Glibc
import ShardFormat

enum LoadCases {
  static var all: [BenchCase] {
    LoadRecords.all.flatMap { records in
      [decode(records)] + [1, 2].map { load(records, workers: $0) }
    } + [handOver]
  }

  /// About a second's work: as many batches as 1.5 GB take, within limits.
  private static func batches(_ records: LoadRecords) -> Int {
    max(20, min(4000, 1_000_000_000 / (records.batch * records.sampleBytes)))
  }

  private static func load(_ records: LoadRecords, workers: Int) -> BenchCase {
    let count = batches(records)
    let samples = Double(count * records.batch)
    return BenchCase(
      name: "load/\(records.name)/\(workers)-workers", samples: samples
    ) {
      let folder = try BenchFolder()
      try records.write(to: folder.path)
      let loader = try Loader(
        LoaderOptions(directory: folder.path, batch: records.batch, workers: workers))
      let consumer = LoadConsumer(records)
      return {
        for _ in 0..<count { consumer.take(try loader.next()) }
        withExtendedLifetime(folder) {}
      }
    }
  }

  private static func decode(_ records: LoadRecords) -> BenchCase {
    let bytes = 1_000_000_000
    return BenchCase(
      name: "load/\(records.name)/decode",
      samples: Double(bytes) / Double(records.sampleBytes)
    ) {
      let folder = try BenchFolder()
      try records.write(to: folder.path)
      let decoder = try BareDecoder(folder.path)
      return {
        try decoder.decode(bytes: bytes)
        withExtendedLifetime(folder) {}
      }
    }
  }

  /// Stored bytes a second of the bare decompressor over a split's blocks.
  static func decodeRate(_ folder: String, seconds: Double) throws -> Double {
    let decoder = try BareDecoder(folder)
    try decoder.decode(bytes: 16 << 20)
    let start = monotonicSeconds()
    var bytes = 0
    while monotonicSeconds() - start < seconds {
      try decoder.decode(bytes: 16 << 20)
      bytes += 16 << 20
    }
    return Double(bytes) / (monotonicSeconds() - start)
  }

  private static var handOver: BenchCase {
    let (batch, bytes, count) = (256, 32 << 10, 400)
    return BenchCase(
      name: "load/hand-over/1-workers", samples: Double(count * batch)
    ) {
      let loader = try Loader.handingOver(sampleBytes: bytes, batch: batch, workers: 1)
      var sum: UInt64 = 0
      return {
        for _ in 0..<count {
          let batch = try loader.next()
          for i in 0..<batch.count { sum &+= linesLookedAt(batch.input(0, of: i), bytes) }
        }
        guard sum != 0 else { throw Failure(.internalError, at: "hand-over", "no bytes came") }
      }
    }
  }
}

/// What a trainer does first with a batch: bytes become floats, times a scale; floats are looked at where they lie.
final class LoadConsumer {
  private let records: LoadRecords
  private let floats: UnsafeMutablePointer<Float>
  private var sum: UInt64 = 0

  init(_ records: LoadRecords) {
    self.records = records
    floats = .allocate(capacity: records.batch * records.valueCount)
  }

  deinit {
    withExtendedLifetime(sum) {}
    floats.deallocate()
  }

  func take(_ batch: Batch) {
    for i in 0..<batch.count {
      if records.type == .uint8 {
        convert(batch.input(0, of: i), to: floats + i * records.valueCount)
      } else {
        sum &+= linesLookedAt(batch.input(0, of: i), records.sampleBytes)
      }
    }
  }

  private func convert(_ sample: UnsafeRawPointer, to row: UnsafeMutablePointer<Float>) {
    let stored = sample.assumingMemoryBound(to: UInt8.self)
    let count = records.valueCount
    var k = 0
    while k < count {
      row[k] = Float(stored[k]) * (1 / 255)
      k &+= 1
    }
  }
}

/// A sum over the first word of each 64 bytes: all of them have come into the cache.
private func linesLookedAt(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt64 {
  var sum: UInt64 = 0
  var k = 0
  while k + 8 <= count {
    sum &+= bytes.loadUnaligned(fromByteOffset: k, as: UInt64.self)
    k &+= 64
  }
  return sum
}

/// How many blocks this process has read from disks.
private func blocksRead() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_inblock
}

/// A folder below /tmp that goes with its last user.
final class BenchFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/metamae-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure.system(errno, at: "/tmp", "cannot create a folder")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? Files.remove(path) }

  /// Writes the files out and asks the kernel to forget them, so that the next to read them waits for the disk.
  /// - Throws: tryAgain where files stay in memory.
  func leaveMemory() throws {
    for name in try Files.list(path) {
      let file = open(path + "/" + name, O_RDONLY)
      guard file >= 0 else { throw Failure.system(errno, at: path + "/" + name, "cannot open") }
      fdatasync(file)
      posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
      let before = blocksRead()
      var byte = UInt8(0)
      posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM)
      pread(file, &byte, 1, 0)
      close(file)
      guard blocksRead() > before else {
        throw Failure(
          .tryAgain, at: path,
          "expected files that leave memory, found a file system that keeps them",
          remedy: "Measure --cold where /tmp is on a disk.")
      }
    }
  }
}

/// Decompresses a split's blocks one after the other, around and around, into one buffer.
private final class BareDecoder {
  private let reader: ShardReader
  private let buffer: UnsafeMutableRawBufferPointer
  private var block = 0

  init(_ folder: String) throws {
    reader = try ShardReader(directory: folder)
    buffer = .allocate(
      byteCount: reader.manifest.samplesPerBlock * reader.manifest.recordBytes, alignment: 64)
  }

  deinit { buffer.deallocate() }

  /// About so many bytes: whole blocks.
  func decode(bytes: Int) throws {
    var left = bytes
    while left > 0 {
      try reader.decompress(block: block, into: buffer)
      left -= reader.manifest.byteCount(ofBlock: block)
      block = (block + 1) % reader.manifest.blockCount
    }
  }
}
