// Two ranks in two threads of this process: each objective's gradient is the one of a process with as many lanes.

import Basics
import Experiments
import Foundation
import Networks
import TensorCore
import Testing

@testable import Objectives

/// Ranks that share memory: each call waits until all have come.
private final class ThreadRanks: Ranks, @unchecked Sendable {
  final class Table: @unchecked Sendable {
    let count: Int
    private let condition = NSCondition()
    private var waiting = 0
    private var round = 0
    private var places: [UnsafeMutableRawPointer?]

    init(count: Int) {
      self.count = count
      places = .init(repeating: nil, count: count)
    }

    /// The last to come does the work; then all go on.
    func meet(
      _ index: Int, _ place: UnsafeMutableRawPointer, _ work: ([UnsafeMutableRawPointer]) -> Void
    ) {
      condition.lock()
      defer { condition.unlock() }
      places[index] = place
      waiting += 1
      if waiting == count {
        work(places.map { $0! })
        waiting = 0
        round += 1
        condition.broadcast()
      } else {
        let own = round
        while round == own { condition.wait() }
      }
    }
  }

  let index: Int
  let table: Table
  var count: Int { table.count }

  init(_ index: Int, _ table: Table) { (self.index, self.table) = (index, table) }

  func sum<R: Real>(_ x: UnsafeMutablePointer<R>, _ n: Int) {
    table.meet(index, x) { places in
      let all = places.map { $0.assumingMemoryBound(to: R.self) }
      for other in all.dropFirst() { R.axpy(n, 1, other, all[0]) }
      for other in all.dropFirst() { other.update(from: all[0], count: n) }
    }
  }

  func gather<R: Real>(_ x: UnsafeMutablePointer<R>, _ shares: [Range<Int>]) {
    table.meet(index, x) { places in
      let all = places.map { $0.assumingMemoryBound(to: R.self) }
      for (k, own) in shares.enumerated() {
        for (other, to) in all.enumerated() where other != k {
          (to + own.lowerBound).update(from: all[k] + own.lowerBound, count: own.count)
        }
      }
    }
  }

  func largest(_ value: Int) -> Int { value }
  func close() {}
}

@Suite struct RanksTests {
  /// A batch of 7, which no number of ranks here divides.
  @Test(arguments: ObjectiveName.allCases, [2, 3])
  func ranksAreLanes(_ name: ObjectiveName, _ count: Int) {
    let alone = filledBench(lanes: count, batch: 7, dropout: 0.2, for: name)
    let expected = objective(name, on: alone).gradient()
    let table = ThreadRanks.Table(count: count)
    let benches = (0..<count).map {
      filledBench(
        lanes: 1, batch: 7, dropout: 0.2, for: name, ranks: ThreadRanks($0, table))
    }
    nonisolated(unsafe) var losses = [StepLoss?](repeating: nil, count: count)
    let lock = NSLock()
    let done = DispatchGroup()
    for rank in 0..<count {
      let steps = objective(name, on: benches[rank])
      nonisolated(unsafe) let step = steps
      let thread = Thread {
        let loss = step.gradient()
        lock.withLock { losses[rank] = loss }
        done.leave()
      }
      done.enter()
      thread.start()
    }
    done.wait()
    for rank in 0..<count {
      #expect(losses[rank] == losses[0])
      #expect(gradientCopy(benches[rank]) == gradientCopy(benches[0]))
    }
    #expect(abs(losses[0]!.loss - expected.loss) < 1e-6)
    let (a, b) = (gradientCopy(alone), gradientCopy(benches[0]))
    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(a.contains { abs($0) > 1e-2 })
  }
}
