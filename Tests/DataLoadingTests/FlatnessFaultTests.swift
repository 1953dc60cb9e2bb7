// Nothing grows: not with batches, not with samples.

import Basics
import CSystem
import Glibc
import Testing

@testable import DataLoading

/// Kilobytes that a process holds in memory of its own, and in shared memory.
private func memory(of process: pid_t) throws -> (own: Double, shared: Double) {
  var numbers: [Substring: Double] = [:]
  for line in String(decoding: try Files.read("/proc/\(process)/status"), as: UTF8.self)
    .split(separator: "\n")
  {
    let words = line.split { $0 == ":" || $0 == "\t" || $0 == " " }
    if words.count >= 2, let number = Double(words[1]) { numbers[words[0]] = number }
  }
  return (numbers["RssAnon"] ?? 0, numbers["RssShmem"] ?? 0)
}

/// Descriptors that a process holds: the fewest of three looks, since a supervisor opens a file for a moment now and then.
func heldDescriptors(_ process: pid_t) throws -> Int {
  try (0..<3).map { _ in
    usleep(2000)
    return try Files.list("/proc/\(process)/fd").count
  }.min()!
}

/// The slope of the least-squares line through y at 0, 1, 2, ...
private func slope(_ y: [Double]) -> Double {
  let n = Double(y.count)
  let (middle, mean) = ((n - 1) / 2, y.reduce(0, +) / n)
  var (above, below) = (0.0, 0.0)
  for (x, value) in y.enumerated() {
    above += (Double(x) - middle) * (value - mean)
    below += (Double(x) - middle) * (Double(x) - middle)
  }
  return above / below
}

@Suite("Loader: flatness")
struct FlatnessFaultTests {
  /// 100,000 batches: memory of all processes, shared memory and descriptors have no slope.
  @Test(.timeLimit(.minutes(5))) func hundredThousandBatches() async {
    await #expect(processExitsWith: .success) {
      let split = ComputedSplit.records(count: 1003, perBlock: 10)
      let loader = try syntheticLoader(split, batch: 16, workers: 2)
      let processes = loader.processes
      let all = [getpid(), processes.supervisor] + processes.workers
      var (own, shared, descriptors): ([Double], [Double], [Double]) = ([], [], [])
      for round in 0...20 {
        for _ in 0..<5000 {
          _ = try loader.next()
          if round % 5 == 0 { _ = loader.takeClosedEpochs() }
        }
        if round > 0 {
          let these = try all.map(memory)
          own.append(these.reduce(0) { $0 + $1.own })
          shared.append(these.reduce(0) { $0 + $1.shared })
          descriptors.append(Double(try all.map(heldDescriptors).reduce(0, +)))
        }
      }
      // Kilobytes for each 5,000 batches; 16 of them are less than 4 bytes a batch.
      #expect(abs(slope(own)) < 16, "own memory \(own)")
      #expect(abs(slope(shared)) < 16, "shared memory \(shared)")
      #expect(slope(descriptors) == 0, "descriptors \(descriptors)")
      #expect(loader.processes.workers == processes.workers)
      loader.close()
    }
  }

  /// 10^9 samples start as a thousand do, anywhere, in the memory of a thousand.
  @Test(arguments: Shuffle.allCases) func billionsStartAtOnce(shuffle: Shuffle) async {
    await #expect(processExitsWith: .success) { [name = shuffle.rawValue as String] in
      let shuffle = Shuffle(rawValue: name)!
      let count = 1_000_000_007
      let split = ComputedSplit.records(count: count, perBlock: 20)
      for start in [0, 999_999_999, 123 * count + 456_789_012] {
        let began = cs_monotonic()
        let loader = try syntheticLoader(
          split, batch: 64, workers: 2, shuffle: shuffle, start: start)
        let batch = try loader.next()
        let seconds = Double(cs_monotonic() - began) * 1e-9
        #expect(batch.epoch(of: 0) == UInt64(start / count))
        #expect(Set(batch.delivered.map(\.id)).count == 64)
        #expect(seconds < 2, "\(seconds) s to the first batch")
        let workers = try loader.processes.workers.map { try memory(of: $0).own }
        #expect(workers.allSatisfy { $0 < 65_536 }, "\(workers) KB")
        #expect(residentBytes() < 128 << 20)
        loader.close()
      }
    }
  }
}
