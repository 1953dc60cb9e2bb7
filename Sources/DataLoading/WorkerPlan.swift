// What every worker of a loader knows: decided by the trainer before the fork, the same in each life of a worker.

import Basics
import CSystem

struct WorkerPlan: Sendable {
  var split: Split
  var order: SampleOrder
  var layout: SlotLayout
  var workers: Int
  /// The first chunk that is delivered; chunk c goes to worker c mod `workers`.
  var firstChunk: UInt64
  var badBlocks: BadBlocks
  var cacheBytes: Int
  var timeoutSeconds: Double
  var restartLimit: Int
  var chaos = Chaos.none
  var faults: [InjectedFault] = []

  /// The chunk that worker `worker` puts into its slot number `k`.
  func chunk(worker: Int, slot k: UInt32) -> UInt64 {
    let n = UInt64(workers)
    let behind = (UInt64(worker) + n - firstChunk % n) % n
    return firstChunk + behind + UInt64(k) * n
  }

  /// Whose slot, and the how manyeth, chunk `chunk` is.
  func place(ofChunk chunk: UInt64) -> (worker: Int, slot: UInt32) {
    let n = UInt64(workers)
    return (Int(chunk % n), UInt32(truncatingIfNeeded: (chunk - firstChunk) / n))
  }
}

/// A fault that a worker inflicts on itself, for drills: reaching `phase` for slot `slot` it gets `signal`. Only
/// lives below `lives` are struck.
struct InjectedFault: Sendable {
  enum Phase: CaseIterable, Sendable { case claim, read, decode, place, publish }
  var worker: Int
  var slot: UInt32
  var phase: Phase
  var signal: Int32
  var lives: UInt32 = 1
}
