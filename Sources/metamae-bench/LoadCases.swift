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
      let target = UnsafeMutablePointer<Float>.allocate(
        capacity: records.batch * records.valueCount)
      return {
        for _ in 0..<count {
          let batch = try loader.next()
          convert(batch, records, to: target)
        }
        withExtendedLifetime(folder) {}
      }
    }
  }

  /// What a trainer does first: stored values times a scale, as floats.
  static func convert(
    _ batch: Batch, _ records: LoadRecords, to target: UnsafeMutablePointer<Float>
  ) {
    let values = records.valueCount
    for i in 0..<batch.count {
      let row = target + i * values
      if records.type == .uint8 {
        let stored = batch.input(0, of: i).assumingMemoryBound(to: UInt8.self)
        var k = 0
        while k < values {
          row[k] = Float(stored[k]) * (1 / 255)
          k &+= 1
        }
      } else {
        row.update(from: batch.input(0, of: i).assumingMemoryBound(to: Float.self), count: values)
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
          // Each line of each sample is looked at, as a trainer would.
          for i in 0..<batch.count {
            let words = batch.input(0, of: i).assumingMemoryBound(to: UInt64.self)
            var k = 0
            while k < bytes / 8 {
              sum &+= words[k]
              k &+= 8
            }
          }
        }
        guard sum != 0 else { throw Failure(.internalError, at: "hand-over", "no bytes came") }
      }
    }
  }
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
