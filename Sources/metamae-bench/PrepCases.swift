// prep/...: whole builds of small synthetic raw sets, from the raw file to finished splits, with one job a core.

import Basics
import DatasetReaders
import TensorCore

enum PrepCases {
  static var all: [BenchCase] {
    [
      build("cifar10", records: 18_000, bytes: 18_000 * 3073) { try writeImages($0, count: 3000) },
      build("higgs", records: 100_000, bytes: 100_000 * rowBytes) {
        try writeRows($0, count: 100_000)
      },
    ]
  }

  private struct Silent: BuildObserver {
    func note(_ line: String) {}
    func progress(_ phase: BuildPhase, done: Int, total: Int) {}
  }

  private static func build(
    _ dataset: String, records: Int, bytes: Int, _ write: @escaping (String) throws -> Void
  ) -> BenchCase {
    BenchCase(
      name: "prep/\(dataset)", samples: Double(records), bytes: Double(bytes), repetitions: 3
    ) {
      let folder = try BenchFolder()
      let (raw, out) = (folder.path + "/raw", folder.path + "/out")
      try Files.createFolder(raw)
      try write(raw)
      return {
        try Files.remove(out)
        let report = try ShardBuild(
          BuildRequest(dataset: dataset, raw: raw, output: out, jobs: availableCores),
          observer: Silent()
        ).run()
        let stored = report.splits.reduce(0) { $0 + $1.manifest.sampleCount }
        guard stored >= records * 9 / 10 else {  // higgs: a tenth is in none of the splits
          throw Failure(.internalError, at: dataset, "\(stored) of \(records) records are stored")
        }
        withExtendedLifetime(folder) {}
      }
    }
  }

  /// Six batches of images whose bytes walk in small steps, so that they compress about as photographs do.
  private static func writeImages(_ folder: String, count: Int) throws {
    var stream = RandomStream(RandomKey(seed: 0, "bench-images"))
    for name in (1...5).map({ "data_batch_\($0).bin" }) + ["test_batch.bin"] {
      var bytes = [UInt8](repeating: 0, count: count * 3073)
      for i in 0..<count {
        var level: UInt8 = 128
        bytes[i * 3073] = UInt8(i % 10)
        for k in 1...3072 {
          level = level &+ UInt8(truncatingIfNeeded: Int(stream.below(17)) - 8)
          bytes[i * 3073 + k] = level
        }
      }
      try bytes.withUnsafeBytes { try Files.write($0, to: folder + "/" + name) }
    }
  }

  /// A row of the publisher's table: 29 numbers of 25 characters.
  private static let rowBytes = 29 * 25

  /// Rows as the publisher prints them; a thousand different ones, again and again.
  private static func writeRows(_ folder: String, count: Int) throws {
    var stream = RandomStream(RandomKey(seed: 0, "bench-rows"))
    let rows = (0..<1000).map { i in
      let label = "\(i % 2).000000000000000000e+00"
      let digits = (0..<28).map { _ -> String in
        let fraction = String(stream.below(1_000_000_000)).padded(with: 9)
        return "\(1 + stream.below(9)).\(fraction)000000000e-01"
      }
      return Array(([label] + digits).joined(separator: ",").utf8) + [UInt8(ascii: "\n")]
    }
    let bytes = (0..<count).flatMap { rows[$0 % rows.count] }
    try bytes.withUnsafeBytes { try Files.write($0, to: folder + "/HIGGS.csv") }
  }
}

extension String {
  /// Zeros in front, to so many digits.
  fileprivate func padded(with digits: Int) -> String {
    String(repeating: "0", count: max(0, digits - count)) + self
  }
}
