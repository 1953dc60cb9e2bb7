import Basics
import Foundation
import Testing
import Training

/// Training under random kills of workers and trainer, then calmly: the same bytes. METAMAE_SOAK_SECONDS of chaos; the calm
/// run beside it takes about as long as the steps that were left standing.
@Suite struct SoakFaultTests {
  private static let seconds =
    ProcessInfo.processInfo.environment["METAMAE_SOAK_SECONDS"].flatMap { Double($0) } ?? 40

  @Test(.timeLimit(.minutes(240))) func chaosEndsInTheCalmBytes() throws {
    let bench = try TrainingBench(batch: 32, records: 4000)
    let upkeep = ["--set", "save_every=20", "--set", "log_every=50"]
    let chaos = [
      "--worker-timeout", "0.5", "--chaos", "kill-worker:0.1,stall-worker:0.01",
    ]
    var stream = RandomStream(RandomKey(seed: 1, "soak"))
    var (trainers, replaced, supervisors) = (0, 0, 0)
    let start = ProcessInfo.processInfo.systemUptime
    while ProcessInfo.processInfo.systemUptime - start < Self.seconds {
      let workers = 1 + stream.below(3)
      let run = try bench.launch(
        bench.go + upkeep + chaos + ["--workers", "\(workers)", "--set", "steps=100000000"])
      usleep(UInt32(200_000 + stream.below(3_000_000)))
      let family = run.family(workers: workers)
      if stream.below(4) == 0, let family {
        kill(family.supervisor, SIGKILL)
        supervisors += 1
      } else {
        kill(run.pid, SIGKILL)
        trainers += 1
      }
      let end = try run.end()
      #expect(end.code == -SIGKILL || end.code == 75, "\(end.code): \(end.messages)")
      replaced += end.messages.components(separatedBy: "; it was replaced").count - 1
      if let family { #expect(haveEnded([family.supervisor] + family.workers)) }
    }
    // To the end of the step that came out on top, and ten more.
    let reached = try Checkpoint.find(in: bench.bench.directory, step: nil).state.step + 10
    let last = try bench.launch(
      bench.resume + upkeep + chaos + ["--set", "steps=\(reached)"]
    ).end()
    #expect(last.code == 0, "\(last.messages)")
    let audit = try bench.launch(["audit", "--run", bench.run, "--shards", bench.shards]).end()
    #expect(audit.code == 0, "\(audit.output)")

    let calm = try TrainingBench(batch: 32, records: 4000)
    let whole = try calm.launch(
      calm.start + upkeep + ["--set", "steps=\(reached)", "--workers", "1"]
    ).end()
    #expect(whole.code == 0, "\(whole.messages)")
    #expect(try bench.bench.bytes(step: reached) == calm.bench.bytes(step: reached))
    let receipts = try bench.bench.metrics().flatMap { $0.receipts ?? [] }
    #expect(try receipts == calm.bench.metrics().flatMap { $0.receipts ?? [] })
    print(
      "soak: \(Int(Self.seconds)) s of chaos, step \(reached), \(trainers) trainers, "
        + "\(supervisors) supervisors and \(replaced) workers killed or stopped, all survived; "
        + "\(receipts.count) epochs of 4000, samples lost 0, repeated 0")
  }
}
