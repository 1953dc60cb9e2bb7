// What a benchmark case is and what a measurement of it says (docs/performance.md).

import Basics
import Glibc

/// One named case. `prepare` sets up, checks the result where nothing else does, and returns the work of one
/// repetition; what it captures is its state.
struct BenchCase {
  let name: String
  /// Nominal floating-point operations of one repetition; nil where they say nothing.
  var operations: Double?
  /// Samples one repetition handles.
  var samples: Double?
  /// Numbers one repetition goes through, where operations say nothing.
  var values: Double?
  /// Bytes one repetition reads and writes, where memory is the limit.
  var bytes: Double?
  var warmups = 1
  var repetitions = 5
  let prepare: () throws -> () throws -> Void
}

/// A case's numbers, as `--json` prints them.
struct Measurement: Codable {
  var name: String
  var medianSeconds: Double
  var minSeconds: Double
  var count: Int
  var gflops: Double?
  var peakShare: Double?
  var peakRSSBytes: Int
  var samplesPerSecond: Double?
  var valuesPerSecond: Double?
  var bytesPerSecond: Double?

  enum CodingKeys: String, CodingKey {
    case name, count, gflops
    case medianSeconds = "median_seconds"
    case minSeconds = "min_seconds"
    case peakShare = "peak_share"
    case peakRSSBytes = "peak_rss_bytes"
    case samplesPerSecond = "samples_per_second"
    case valuesPerSecond = "values_per_second"
    case bytesPerSecond = "bytes_per_second"
  }

  /// One line for a person.
  var line: String {
    var parts = [
      name.padded(to: 44), "median \(significant(medianSeconds)) s",
      "min \(significant(minSeconds)) s",
    ]
    if let gflops { parts.append("\(significant(gflops)) GFLOP/s") }
    if let peakShare { parts.append("\(decimal(100 * peakShare, 0))% of peak") }
    if let samplesPerSecond { parts.append("\(significant(samplesPerSecond)) samples/s") }
    if let valuesPerSecond { parts.append("\(significant(valuesPerSecond / 1e9)) G values/s") }
    if let bytesPerSecond { parts.append("\(significant(bytesPerSecond / 1e9)) GB/s") }
    parts.append("\(peakRSSBytes >> 20) MB")
    return parts.joined(separator: "  ")
  }
}

extension BenchCase {
  /// Warms up, repeats, and takes the median: the middle one, or of an even count the mean of the middle two.
  /// - Parameter repeats: instead of the case's own number of repetitions.
  func measure(repeats: Int? = nil) throws -> Measurement {
    let work = try prepare()
    for _ in 0..<warmups { try work() }
    var seconds: [Double] = []
    for _ in 0..<(repeats ?? repetitions) {
      let start = monotonicSeconds()
      try work()
      seconds.append(monotonicSeconds() - start)
    }
    seconds.sort()
    let median = (seconds[(seconds.count - 1) / 2] + seconds[seconds.count / 2]) / 2
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Measurement(
      name: name, medianSeconds: median, minSeconds: seconds[0], count: seconds.count,
      gflops: operations.map { $0 / median / 1e9 }, peakShare: nil,
      peakRSSBytes: Int(usage.ru_maxrss) << 10,
      samplesPerSecond: samples.map { $0 / median }, valuesPerSecond: values.map { $0 / median },
      bytesPerSecond: bytes.map { $0 / median })
  }
}
