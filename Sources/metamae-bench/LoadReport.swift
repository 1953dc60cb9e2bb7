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
  /// Processor seconds of all processes for a million samples.
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
      .flag("json", "one JSON document on stdout instead of lines"),
    ])

  static func run(_ arguments: Arguments) throws {
    let workers = try arguments.integer("workers", in: 1...256) ?? 1
    let seconds = try arguments.integer("seconds", in: 1...60) ?? 1
    try report(arguments, among: LoadRecords.all, by: \.name) {
      try measure($0, workers: workers, seconds: Double(seconds))
    }
  }

  private static func measure(
    _ records: LoadRecords, workers: Int, seconds: Double
  ) throws -> LoadFigures {
    let folder = try BenchFolder()
    try records.write(to: folder.path)
    var rates: [(samples: Double, worker: Double, wait: Double)] = []
    var decode: [Double] = []
    var cpu = 0.0
    var samples = 0.0
    // In turns, so that a machine that changes its speed does it to both.
    for _ in 0..<5 {
      decode.append(try LoadCases.decodeRate(folder.path, seconds: seconds / 3))
      let before = processorSeconds()
      let loader = try Loader(
        LoaderOptions(directory: folder.path, batch: records.batch, workers: workers))
      let target = UnsafeMutablePointer<Float>.allocate(
        capacity: records.batch * records.valueCount)
      defer { target.deallocate() }
      for _ in 0..<8 { LoadCases.convert(try loader.next(), records, to: target) }
      let (start, wait, decoded) = (
        monotonicSeconds(), loader.waitSeconds, loader.workerTimes.decodedBytes
      )
      var count = 0
      while monotonicSeconds() - start < seconds {
        for _ in 0..<8 { LoadCases.convert(try loader.next(), records, to: target) }
        count += 8
      }
      let time = monotonicSeconds() - start
      let worker = Double(loader.workerTimes.decodedBytes - decoded)
      rates.append(
        (
          Double(count * records.batch) / time, worker / time,
          (loader.waitSeconds - wait) / time
        ))
      loader.close()
      cpu += processorSeconds() - before
      samples += Double((count + 8) * records.batch)
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

  /// Of this process and all that it has waited for.
  private static func processorSeconds() -> Double {
    [RUSAGE_SELF.rawValue, RUSAGE_CHILDREN.rawValue].reduce(0) { sum, who in
      var usage = rusage()
      getrusage(who, &usage)
      func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
      return sum + seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
  }
}
