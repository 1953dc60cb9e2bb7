import Basics
import Experiments
import Foundation
import TensorCore
import Testing
import Training

@Suite struct RunTests {
  private func failure(_ body: () throws -> Void) -> Failure? {
    #expect(throws: Failure.self) { try body() }
  }

  @Test func leavesTheRunDirectoryOfTheFormat() throws {
    let bench = try Bench()
    let summary = try bench.train()
    #expect(summary.step == 20)
    #expect(summary.stepsTaken == 20)
    #expect(summary.checkpoint == bench.run + "/checkpoints/step-20")
    #expect(
      try bench.tree() == [
        "checkpoints/step-10/model.safetensors", "checkpoints/step-10/optimizer.safetensors",
        "checkpoints/step-10/state.json", "checkpoints/step-15/model.safetensors",
        "checkpoints/step-15/optimizer.safetensors", "checkpoints/step-15/state.json",
        "checkpoints/step-20/model.safetensors", "checkpoints/step-20/optimizer.safetensors",
        "checkpoints/step-20/state.json", "config.yaml", "metrics.jsonl",
      ])
    let metrics = try bench.metrics()
    // Each second step, and those that close an epoch of 10 samples.
    #expect(metrics.map(\.step) == [1, 2, 4, 6, 7, 8, 10, 12, 14, 16, 17, 18, 20])
    #expect(metrics.map(\.epoch) == [0, 0, 1, 1, 2, 2, 2, 3, 4, 4, 5, 5, 5])
    #expect(
      metrics.flatMap { line in (line.receipts ?? []).map { [line.step, Int($0.epoch)] } }
        == [[4, 0], [7, 1], [10, 2], [14, 3], [17, 4], [20, 5]])
    #expect(metrics.allSatisfy { $0.seconds > 0 && $0.samplesPerSecond > 0 && $0.waitSeconds > 0 })
    #expect(metrics[0].reconstruction == 0.1)
    let line = String(decoding: try Files.read(bench.directory.metrics), as: UTF8.self)
    #expect(line.contains("\"contrast\":null"))
    let config = try RunConfiguration.resolve(file: bench.directory.configuration, settings: [])
    #expect(config.steps == 20)
  }

  @Test func modelFileIsAPublishedCheckpoint() throws {
    let bench = try Bench()
    try bench.train()
    let files = bench.directory.checkpoint(step: 20)
    let model = try TensorArchive(path: files.model)
    #expect(model.names == ["cls_token", "mask_token", "pos_embed", "projector.1.running_mean"])
    #expect(model.entries["pos_embed"]?.shape == [1, 2, 2])
    let card = try ModelCard(metadata: model.metadata, at: files.model)
    #expect(card.model.inputs[0].kind == .series)
    #expect(card.keys["batch"] == "3")
    let optimizer = try TensorArchive(path: files.optimizer)
    #expect(optimizer.names.prefix(2) == ["exp_avg.cls_token", "exp_avg.mask_token"])
    let checkpoint = try Checkpoint(files)
    #expect(checkpoint.state.step == 20)
    #expect(checkpoint.state.samples == 60)
  }

  /// Neither workers nor history: bytes of a run that was told other things about upkeep are the same.
  @Test func checkpointsHoldNothingOfUpkeep() throws {
    let one = try Bench()
    try one.train()
    let two = try Bench()
    try two.train(settings: ["workers=5", "save_every=7", "log_every=1", "steps=10", "ring=3"])
    #expect(try one.bytes(step: 10) == two.bytes(step: 10))
    let other = try Bench()
    try other.train(settings: ["seed=1"])
    #expect(try one.bytes(step: 20)[0] != other.bytes(step: 20)[0])
  }

  @Test func keepsTheNewestAndAlwaysTheLast() throws {
    let bench = try Bench()
    try bench.train(settings: ["keep_checkpoints=1", "steps=13"])
    #expect(try Files.list(bench.directory.checkpoints) == ["step-13"])
    let only = try Bench()
    try only.train(settings: ["save_every=0"])
    #expect(try Files.list(only.directory.checkpoints) == ["step-20"])
  }

  @Test func noStepsSaveTheInitialValues() throws {
    let bench = try Bench()
    #expect(try bench.train(settings: ["steps=0"]).loss == nil)
    #expect(try Files.list(bench.directory.checkpoints) == ["step-0"])
  }

  // MARK: resume

  @Test func resumingAfterMoreStepsEqualsNeverStopping() throws {
    let whole = try Bench()
    try whole.train()
    let parts = try Bench()
    try parts.train(settings: ["steps=7"])
    try parts.train(resume: true, settings: ["steps=20"])
    #expect(try whole.bytes(step: 20) == parts.bytes(step: 20))
    #expect(try whole.bytes(step: 15) == parts.bytes(step: 15))
    #expect(
      try RunConfiguration.resolve(file: parts.directory.configuration, settings: []).steps == 20)
  }

  /// Samples left out with damaged blocks are counted in the checkpoint and move the position.
  @Test func resumingASkippingRunEqualsNeverStopping() throws {
    let whole = try Bench()
    try whole.train { _, source in source.skipsEach = 2 }
    let parts = try Bench()
    try parts.train(settings: ["steps=7"]) { _, source in source.skipsEach = 2 }
    try parts.train(resume: true, settings: ["steps=20"]) { _, source in source.skipsEach = 2 }
    #expect(try whole.bytes(step: 20) == parts.bytes(step: 20))
    let state = try Checkpoint(parts.directory.checkpoint(step: 20)).state
    #expect(state.samples == 100)
    #expect(state.skipped == 40)
    #expect(try parts.metrics().last?.epoch == 9)
  }

  @Test func linesAfterTheResumedStepGo() throws {
    let bench = try Bench()
    try bench.train(settings: ["steps=10"])
    let whole = try Bench()
    try whole.train()
    try Files.remove(bench.directory.checkpoint(step: 10).folder)
    let torn = try Files.read(bench.directory.metrics) + Array("{\"step\":11,\"lo".utf8)
    try torn.withUnsafeBytes { try Files.write($0, to: bench.directory.metrics) }
    try bench.train(resume: true, settings: ["steps=20"])
    let losses = try whole.metrics().map { [Double($0.step), $0.loss] }
    #expect(try bench.metrics().map { [Double($0.step), $0.loss] } == losses)
    #expect(try bench.bytes(step: 20) == whole.bytes(step: 20))
  }

  @Test func resumingAFinishedRunChangesNothing() throws {
    let bench = try Bench()
    try bench.train()
    let before = try bench.bytes(step: 20)
    let summary = try bench.train(resume: true)
    #expect(summary.stepsTaken == 0)
    #expect(try bench.bytes(step: 20) == before)
  }

  @Test func startsAtZeroWithoutAWholeCheckpoint() throws {
    let bench = try Bench()
    try bench.train()
    let expected = try bench.bytes(step: 20)
    for name in try Files.list(bench.directory.checkpoints) {
      try Files.remove(bench.directory.checkpoints + "/" + name + "/model.safetensors")
    }
    let session = try RunSession(
      RunPlan(RunRequest(run: bench.run, configuration: nil, resume: true)))
    #expect(session.step == 0)
    #expect(session.remarks.count == 4)
    #expect(session.remarks.last == "no whole checkpoint yet: starting at step 0")
    try bench.train(resume: true)
    #expect(try bench.bytes(step: 20) == expected)
  }

  /// (file of the newest checkpoint, what is done to it, what is said)
  @Test(arguments: [
    ("model.safetensors", "flip", "the checkpoint is damaged"),
    ("optimizer.safetensors", "cut", "the checkpoint is damaged"),
    ("optimizer.safetensors", "remove", "expected optimizer.safetensors, found none"),
    ("state.json", "flip", "step-20"),
    ("state.json", "cut", "expected the JSON of a checkpoint's state"),
    ("state.json", "remove", "expected state.json, found none"),
  ]) func damagedNewestFallsBack(name: String, how: String, message: String) throws {
    let bench = try Bench()
    try bench.train()
    let expected = try bench.bytes(step: 20)
    let path = bench.directory.checkpoint(step: 20).folder + "/" + name
    var bytes = try Files.read(path)
    switch how {
    case "flip": bytes[bytes.count / 2] ^= 1
    case "cut": bytes.removeLast(bytes.count / 2)
    default: try Files.remove(path)
    }
    if how != "remove" { try bytes.withUnsafeBytes { try Files.write($0, to: path) } }
    let session = try RunSession(
      RunPlan(RunRequest(run: bench.run, configuration: nil, resume: true)))
    #expect(session.step == 15)
    #expect(session.remarks.first?.contains(message) == true, "\(session.remarks)")
    #expect(session.remarks.first?.hasPrefix("damaged checkpoint left aside: \(bench.run)") == true)
    #expect(session.remarks.last?.hasPrefix("going on after step 15, from ") == true)
    try bench.train(resume: true)
    #expect(try bench.bytes(step: 20) == expected)
  }

  @Test func halfWrittenItemsGoAtTheStart() throws {
    let bench = try Bench()
    try bench.train(settings: ["steps=5"])
    for item in [
      "checkpoints/step-9.unfinished/x", "checkpoints/step-1.old.unfinished/x",
      "config.yaml.unfinished",
    ] {
      try Files.createFolder(Files.parent(of: bench.run + "/" + item))
      try Files.writeAtomically("x", to: bench.run + "/" + item)
    }
    try bench.train(resume: true)
    #expect(try bench.tree().allSatisfy { !$0.contains("unfinished") })
    #expect(try Files.list(bench.directory.checkpoints) == ["step-5"])
  }

  /// A kill between the last save and the removal of what it makes superfluous.
  @Test func superfluousCheckpointsGoEvenWhenNothingIsLeftToDo() throws {
    let bench = try Bench()
    try bench.train(settings: ["keep_checkpoints=9"])
    #expect(try Files.list(bench.directory.checkpoints).count == 4)
    try bench.train(resume: true, settings: ["keep_checkpoints=2"])
    #expect(try Files.list(bench.directory.checkpoints) == ["step-15", "step-20"])
  }

  @Test func anotherModelsCheckpointIsRefused() throws {
    let bench = try Bench()
    try bench.train(settings: ["steps=5"])
    let failure = failure { try bench.train(resume: true, settings: ["steps=9"], width: 51) }
    #expect(failure?.kind == .badData)
    #expect(failure?.problem == "expected shape [51], found [50]")
  }

  // MARK: refusals

  @Test func contentWithoutResumeIsRefused() throws {
    let bench = try Bench()
    try bench.train(settings: ["steps=1"])
    let again = failure { try bench.train() }
    #expect(again?.kind == .usage)
    #expect(
      again?.description
        == "\(bench.run): expected an empty or new run directory, found checkpoints in it\n"
        + "  Use --resume to go on with that run, or choose another --run.")
    let file = try Bench()
    try Files.writeAtomically("x", to: file.run)
    #expect(failure { try file.train() }?.problem == "expected a run directory, found a file")
    let empty = try Bench()
    try Files.createFolder(empty.run)
    try empty.train(settings: ["steps=1"])
  }

  @Test func nothingToResumeIsMissing() throws {
    let bench = try Bench()
    let none = failure { try bench.train(resume: true) }
    #expect(none?.kind == .missingInput)
    #expect(none?.description == "\(bench.run): expected a run directory to resume, found none")
    try Files.createFolder(bench.run)
    let bare = failure { try bench.train(resume: true) }
    #expect(bare?.kind == .missingInput)
    #expect(bare?.problem == "expected a config.yaml to resume, found none")
  }

  @Test func aNewRunNeedsAConfiguration() {
    let failure = failure { _ = try RunPlan(RunRequest(run: "/nowhere", configuration: nil)) }
    #expect(failure?.kind == .usage)
    #expect(failure?.problem == "--config FILE is needed for a new run")
  }

  @Test func changedNumbersAreRefused() throws {
    let bench = try Bench()
    try bench.train(settings: ["steps=5"])
    let failure = failure { try bench.train(resume: true, settings: ["batch=4"]) }
    #expect(failure?.kind == .usage)
    #expect(failure?.place == "batch")
    #expect(failure?.problem == "the run has 3, asked for is 4")
  }

  @Test func fewerStepsThanDoneAreRefused() throws {
    let bench = try Bench()
    try bench.train(settings: ["steps=5"])
    let failure = failure { try bench.train(resume: true, settings: ["steps=4"]) }
    #expect(failure?.kind == .usage)
    #expect(failure?.problem == "expected at least 5, which \(bench.run) has reached, found 4")
    #expect(
      try RunConfiguration.resolve(file: bench.directory.configuration, settings: []).steps == 5)
  }

  // MARK: what goes wrong on the way

  @Test func aLossThatIsNotFiniteStopsTheRun() throws {
    let bench = try Bench()
    let failure = failure { try bench.train { learner, _ in learner.breaksAt = 8 } }
    #expect(failure?.kind == .badData)
    let replay = bench.directory.replay + "/step-8"
    let state = try Checkpoint(CheckpointFiles(folder: replay)).state
    #expect(state.step == 8)
    let ids = try #require(state.batch)
    #expect(ids.count == 3)
    #expect(
      failure?.description
        == "\(bench.run): step 9: expected a finite loss, found nan; samples (epoch:id) "
        + ids.map(\.description).joined(separator: " ")
        + "\n  The state before the step is kept in \(replay); to take the step again, copy it to "
        + "\(bench.directory.checkpoints) and use --resume.")
    // The replay is what an uninterrupted run has after step 8, statistics included.
    let twin = try Bench()
    try twin.train(settings: ["steps=8"])
    let kept = try [
      CheckpointFiles(folder: replay).model, CheckpointFiles(folder: replay).optimizer,
    ]
    .map(Files.read)
    #expect(try kept == Array(twin.bytes(step: 8).prefix(2)))
    #expect(try bench.metrics().last?.step == 8)
    #expect(try Files.list(bench.directory.checkpoints) == ["step-5"])
  }

  @Test func aFailingSourceEndsTheRunSaved() throws {
    let bench = try Bench()
    var source: FakeSource?
    let dead = Failure(.tryAgain, at: "worker 1", "killed by signal 9")
    let failure = failure {
      try bench.train { _, s in
        s.failsAt = (7, dead)
        source = s
      }
    }
    #expect(failure == dead)
    #expect(source?.isClosed == true)
    let whole = try Bench()
    try whole.train(settings: ["steps=7"])
    #expect(try bench.bytes(step: 7) == whole.bytes(step: 7))
  }

  @Test func coresFromAQuota() {
    #expect(GrantedCores.count() >= 1)
  }
}
