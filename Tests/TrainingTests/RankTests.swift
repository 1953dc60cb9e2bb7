// Several ranks under mpirun, as a user starts them: the bytes of one process with as many threads; an end that all share.

import Basics
import Foundation
import MessagePassing
import TensorCore
import Testing

@testable import Training

@Suite(.serialized) struct RankTests {
  private static func mpirun(_ ranks: Int) -> [String] {
    [
      "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
      "OMPI_MCA_mpi_yield_when_idle=1", "mpirun", "--oversubscribe", "-n", "\(ranks)",
    ]
  }

  @Test func ranksEndInTheBytesOfThreads() throws {
    for objective in ["metamae", "emix"] {
      let (one, two) = (try TrainingBench(), try TrainingBench())
      let settings = ["--set", "objective=\(objective)", "--set", "steps=5"]
      let alone = try one.launch(one.start + settings + ["--set", "threads=2"]).end()
      #expect(alone.code == 0, "\(alone.messages)")
      let together = try two.launch(
        two.start + settings + ["--set", "threads=1"], wrapped: Self.mpirun(2)
      ).end()
      #expect(together.code == 0, "\(together.messages)")
      #expect(try one.bench.bytes(step: 5) == two.bench.bytes(step: 5), "\(objective)")
      let reports = together.output.components(separatedBy: "checkpoint: ").count - 1
      #expect(reports == 1, "\(together.output)")
    }
  }

  /// Stopped, resumed with another number of ranks, one of which is killed, resumed alone: every sample once.
  @Test func anyNumberOfRanksGoesOn() throws {
    let bench = try TrainingBench()
    let much = ["--set", "steps=1000000", "--set", "threads=1"]
    let first = try bench.launch(bench.start + much, wrapped: Self.mpirun(2))
    try wait(for: bench, step: 3)
    // One rank is asked, all save and leave.
    kill(try #require(children(of: first.pid).last), SIGUSR1)
    let end = try first.end()
    #expect(end.code != 0)
    #expect(end.messages.contains("the step is saved"), "\(end.messages)")
    let reached = try Checkpoint.find(in: bench.bench.directory, step: nil).state.step

    let second = try bench.launch(bench.resume + much, wrapped: Self.mpirun(3))
    try wait(for: bench, step: reached + 3)
    let ranks = children(of: second.pid)
    #expect(ranks.count == 3)
    kill(ranks[1], SIGKILL)
    let killed = try second.end()
    #expect(killed.code != 0)
    #expect(haveEnded(ranks))

    let last = try Checkpoint.find(in: bench.bench.directory, step: nil).state.step + 2
    let third = try bench.launch(bench.resume + ["--set", "steps=\(last)"]).end()
    #expect(third.code == 0, "\(third.messages)")
    let audit = try bench.launch(["audit", "--run", bench.run, "--shards", bench.shards]).end()
    #expect(audit.code == 0, "\(audit.output)")
    let calm = try TrainingBench()
    let whole = try calm.launch(
      calm.start + ["--set", "steps=\(last)", "--set", "threads=1"]
    ).end()
    #expect(whole.code == 0, "\(whole.messages)")
    let order = { (bench: TrainingBench) in
      try bench.bench.metrics().flatMap { $0.receipts ?? [] }
    }
    #expect(try order(bench) == order(calm))
  }

  /// Bad input is said once, by the rank that leads, or by each in the same words; nobody waits for ever.
  @Test func badInputEndsAll() throws {
    let bench = try TrainingBench()
    let run = try bench.launch(
      ["--config", bench.bench.config, "--run", bench.run, "--shards", bench.shards + "/none"],
      wrapped: Self.mpirun(2)
    ).end()
    #expect(run.code == 66)
    #expect(run.messages.contains("expected the folder that metamae-prep's --out named"))
  }

  @Test func theEnvironmentTells() throws {
    #expect(try RankGroup.launched([:]).count == 1)
    let group = try RankGroup.launched(["OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4"])
    #expect(group.index == 2 && group.count == 4 && !group.leads)
    let slurm = try RankGroup.launched(["PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "2"])
    #expect(slurm.leads && slurm.count == 2)
    #expect(throws: Failure.self) {
      try RankGroup.launched(["OMPI_COMM_WORLD_RANK": "4", "OMPI_COMM_WORLD_SIZE": "4"])
    }
  }

  private func wait(for bench: TrainingBench, step: Int) throws {
    for _ in 0..<3000 {
      let found = try? CheckpointStore(bench.bench.directory).newestWhole().checkpoint?.state.step
      if let found, found >= step { return }
      usleep(20_000)
    }
    Issue.record("step \(step) was not reached")
  }
}
