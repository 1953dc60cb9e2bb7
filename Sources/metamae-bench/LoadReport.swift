// `metamae-bench load`: the loader beside the bare decompressor, with the processor time of all processes: what
// scripts/compare-loader sets against PyTorch's DataLoader.

import Basics
import DataLoading
import Foundation
import Glibc
import ShardFormat

/// One set's figures.
private struct LoadFigures: Figures {
  var name: String
  var workers: Int
  /// Delivered as float32, median of the repetitions.
  var samplesPerSecond: Double
  /// The same in stored bytes.
  var bytesPerSecond: Double
  /// Stored bytes that the bare decompressor makes of the same blocks in a second, in this run.
  var decodeBytesPerSecond: Double
  /// Stored bytes that the workers decompressed while a second passed, those included that were not used.
  var workerBytesPerSecond: Double
  /// The larger of what was delivered and what was decompressed, against the bare decompressor.
  var shareOfDecode: Double
  /// Processor seconds of all processes for a million samples, starting and ending them not counted (with --cold: ending).
  var cpuSecondsPerMillion: Double
  /// How long the trainer waited, of the time it took.
  var waitShare: Double

  enum CodingKeys: String, CodingKey {
    case name, workers
    case samplesPerSecond = "samples_per_second"
    case bytesPerSecond = "bytes_per_second"
    case decodeBytesPerSecond = "decode_bytes_per_second"
    case workerBytesPerSecond = "worker_bytes_per_second"
    case shareOfDecode = "share_of_decode"
    case cpuSecondsPerMillion = "cpu_seconds_per_million"
    case waitShare = "wait_share"
  }

  var line: String {
    [
      name.padded(to: 16), "\(workers) workers", "\(significant(samplesPerSecond)) samples/s",
      "\(significant(bytesPerSecond / 1e9)) GB/s",
      "bare decode \(significant(decodeBytesPerSecond / 1e9)) GB/s",
      "share \(decimal(100 * shareOfDecode, 0))%",
      "\(significant(cpuSecondsPerMillion)) CPU s a million samples",
      "waiting \(decimal(100 * waitShare, 0))%",
    ].joined(separator: "  ")
  }
}

enum LoadReport {
  static let command = Command(
    name: "metamae-bench load",
    summary: "the loader beside the bare decompressor, CPU time of all processes included",
    operands: "[NAME ...]",
    options: [
      .value("workers", "N", "worker processes", standard: "1"),
      .value("seconds", "S", "about how long each repetition takes", standard: "1"),
      .flag(
        "cold",
        "shards that are not in memory: most of an epoch from its start, read from the disk; --seconds does not count"
      ),
      .flag("json", "one JSON document on stdout instead of lines"),
    ])

  static func run(_ arguments: Arguments) throws {
    let workers = try arguments.integer("workers", in: 1...256) ?? 1
    let seconds = try arguments.integer("seconds", in: 1...60) ?? 1
    try report(arguments, among: LoadRecords.all, by: \.name) {
      try measure($0, workers: workers, seconds: Double(seconds), cold: arguments.has("cold"))
    }
  }

  private static func measure(
    _ records: LoadRecords, workers: Int, seconds: Double, cold: Bool
  ) throws -> LoadFigures {
    let folder = try BenchFolder()
    try records.write(to: folder.path)
    var rates: [(samples: Double, worker: Double, wait: Double)] = []
    var decode: [Double] = []
    var cpu = 0.0
    var samples = 0.0
    // In turns, so that a machine that changes its speed does it to both.
    for _ in 0..<5 {
      if !cold || decode.isEmpty {
        decode.append(try LoadCases.decodeRate(folder.path, seconds: seconds / 3))
      }
      if cold { try folder.leaveMemory() }
      let loader = try Loader(
        LoaderOptions(directory: folder.path, batch: records.batch, workers: workers))
      defer { loader.close() }
      let consumer = LoadConsumer(records)
      // Buffers are as full at the end as after these.
      if !cold { for _ in 0..<8 { consumer.take(try loader.next()) } }
      let (start, wait, decoded, processor) = (
        monotonicSeconds(), loader.waitSeconds, loader.workerTimes.decodedBytes,
        processorSeconds(loader)
      )
      var count = 0
      while cold
        ? count * records.batch < Int(loader.epochLengths[0]) - 8 * records.batch
        : monotonicSeconds() - start < seconds
      {
        for _ in 0..<8 { consumer.take(try loader.next()) }
        count += 8
      }
      let time = monotonicSeconds() - start
      cpu += processorSeconds(loader) - processor
      let worker = Double(loader.workerTimes.decodedBytes - decoded)
      rates.append(
        (
          Double(count * records.batch) / time, worker / time,
          (loader.waitSeconds - wait) / time
        ))
      samples += Double(count * records.batch)
    }
    rates.sort { $0.samples < $1.samples }
    decode.sort()
    let (median, bare) = (rates[rates.count / 2], decode[decode.count / 2])
    let bytes = median.samples * Double(records.sampleBytes)
    return LoadFigures(
      name: records.name, workers: workers, samplesPerSecond: median.samples,
      bytesPerSecond: bytes, decodeBytesPerSecond: bare, workerBytesPerSecond: median.worker,
      shareOfDecode: max(bytes, median.worker) / bare,
      cpuSecondsPerMillion: cpu / samples * 1e6, waitShare: median.wait)
  }

  /// Of this process and the loader's.
  private static func processorSeconds(_ loader: Loader) -> Double {
    var own = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &own)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    return seconds(own.ru_utime) + seconds(own.ru_stime) + loader.processorSeconds
  }
}
