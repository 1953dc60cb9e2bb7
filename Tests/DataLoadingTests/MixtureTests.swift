// Several folders mixed by weight: exact shares, any place at once, receipts for each.

import Basics
import ShardFormat
import Testing

@testable import DataLoading

private let splits = [
  ComputedSplit.records(count: 103, perBlock: 10), ComputedSplit.records(count: 40, perBlock: 7),
]
private let weights = [3, 2]

private func mixedLoader(
  workers: Int, start: Int, tallies: [EpochTally] = []
) throws -> Loader {
  var options = LoaderOptions(
    directory: "a", batch: 32, workers: workers, seed: 11, startPosition: UInt64(start), slots: 2)
  options.folders = [LoaderFolder("a", weight: 3), LoaderFolder("b", weight: 2)]
  options.startTallies = tallies
  return try Loader(options, emptyManifest(), splits)
}

@Suite("Loader: mixtures")
struct MixtureTests {
  @Test(arguments: [[1, 1], [3, 2], [1, 7, 2], [1000, 1]])
  func sharesAreExact(weights: [Int]) {
    var schedule = MixtureSchedule(weights: weights, seed: 4)
    var counts = [UInt64](repeating: 0, count: weights.count)
    var position: UInt64 = 0
    let period = schedule.period
    while position < 5 * period {
      #expect(schedule.positions(before: position) == counts)
      if position % period == 0 {
        #expect(counts == weights.map { UInt64($0) * (position / period) })
      }
      let (folder, run) = schedule.run(at: position)
      #expect(run >= 1 && run <= period)
      counts[folder] += run
      position += run
    }
    // Far out, at once.
    #expect(schedule.positions(before: 1 << 50).reduce(0, +) == 1 << 50)
  }

  @Test func stretchesDiffer() {
    func order(_ seed: UInt64, _ stretch: UInt64) -> [Int] {
      var schedule = MixtureSchedule(weights: [8, 8], seed: seed)
      return (0..<16).map { schedule.run(at: 16 * stretch + $0).folder }
    }
    #expect(order(1, 0) != order(1, 1) && order(1, 0) != order(2, 0))
  }

  @Test func sequenceForAnyWorkersAndStart() async {
    await #expect(processExitsWith: .success) {
      for (workers, start) in [(1, 0), (3, 0), (2, 777), (1, 5001)] {
        var schedule = MixtureSchedule(weights: weights, seed: 11)
        let before = schedule.positions(before: UInt64(start)).map(Int.init)
        var expected = splits.indices.map {
          expectedSequence(
            splits[$0], shuffle: .window, seed: 11, start: before[$0], count: 2000)[...]
        }
        let loader = try mixedLoader(workers: workers, start: start)
        var position = UInt64(start)
        for _ in 0..<60 {
          let batch = try loader.next()
          for i in 0..<batch.count {
            let folder = schedule.run(at: position).folder
            let next = expected[folder].popFirst()
            let sample = try #require(next)
            #expect(batch.folder(of: i) == folder)
            #expect(batch.epoch(of: i) == sample.epoch)
            #expect(batch.id(of: i) == sample.id + (folder == 0 ? 0 : 103))
            let first = batch.input(0, of: i).loadUnaligned(as: UInt16.self)
            #expect(first == UInt16(truncatingIfNeeded: 3 * sample.id))
            position += 1
          }
        }
        #expect(loader.position == position)
      }
    }
  }

  /// Each folder's epochs close by themselves, and go on from what an earlier loader has counted.
  @Test func receiptsOfEachFolder() async {
    await #expect(processExitsWith: .success) {
      let whole = [SetDigest(upTo: 103), SetDigest(upTo: 40)]
      var loader = try mixedLoader(workers: 2, start: 0)
      var closed: [ClosedEpoch] = []
      for k in 0..<100 {
        _ = try loader.next()
        closed += loader.takeClosedEpochs()
        guard k % 13 == 12 else { continue }
        let (position, tallies) = (loader.position, loader.tallies)
        loader.close()
        loader = try mixedLoader(workers: 1, start: Int(position), tallies: tallies)
      }
      for folder in 0...1 {
        let these = closed.filter { $0.folder == folder }.map(\.tally)
        #expect(these.map(\.epoch) == (0..<UInt64(these.count)).map { $0 })
        #expect(these.count == 3200 * weights[folder] / 5 / [103, 40][folder])
        #expect(these.allSatisfy { $0.consumed == whole[folder] && $0.skipped.count == 0 })
      }
      loader.close()
    }
  }

  @Test func otherShapesAreRefused() async {
    await #expect(processExitsWith: .success) {
      var options = LoaderOptions(directory: "a", batch: 4)
      options.folders = [LoaderFolder("a"), LoaderFolder("b")]
      let other = ComputedSplit.windows(rows: [50], perEpoch: 10, fixed: true)
      let failure = #expect(throws: Failure.self) {
        try Loader(options, emptyManifest(), [splits[0], other])
      }
      #expect(failure?.kind == .usage && failure?.place == "b")
    }
  }
}
