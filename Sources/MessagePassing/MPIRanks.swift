// The door to MPI: the ranks of `mpirun -n N metamae-train ...` or `srun`.

import Basics
import CMessages
import Foundation
import TensorCore

extension RankGroup {
  /// The ranks this process was launched among, by what Open MPI's mpirun or Slurm's srun has put into its environment.
  /// - Throws: usage for an environment that contradicts itself.
  public static func launched(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> RankGroup {
    let ways = [
      ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE"),
      ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),
    ]
    for (rank, size) in ways {
      guard let rankText = environment[rank], let sizeText = environment[size] else { continue }
      guard let index = Int(rankText), let count = Int(sizeText), (0..<count).contains(index) else {
        throw Failure(
          .usage, at: rank,
          "expected a rank below \(size), found \(rankText) of \(sizeText)")
      }
      guard count > 1 else { return .alone }
      return RankGroup(index: index, count: count) {
        try MPIRanks(expecting: index, of: count)
      }
    }
    return .alone
  }
}

private struct MPIRanks: Ranks {
  let index: Int
  let count: Int

  init(expecting index: Int, of count: Int) throws {
    var (rank, size): (Int32, Int32) = (0, 0)
    cm_start(&rank, &size)
    guard Int(rank) == index, Int(size) == count else {
      throw Failure(
        .tryAgain, at: "MPI",
        "expected rank \(index) of \(count), as the environment says, found \(rank) of \(size)",
        remedy: "Launch with the mpirun of the Open MPI that this was built with.")
    }
    (self.index, self.count) = (index, count)
  }

  func sum<R: Real>(_ x: UnsafeMutablePointer<R>, _ n: Int) { cm_sum(x, n, R.isWide) }

  func gather<R: Real>(_ x: UnsafeMutablePointer<R>, _ shares: [Range<Int>]) {
    precondition(shares.count == count, "a share for each rank")
    cm_gather(x, shares.map { Int32($0.count) }, shares.map { Int32($0.lowerBound) }, R.isWide)
  }

  func largest(_ value: Int) -> Int { Int(cm_largest(Int32(value))) }

  func close() { cm_end() }
}

extension Real {
  fileprivate static var isWide: Int32 { self == Double.self ? 1 : 0 }
}
