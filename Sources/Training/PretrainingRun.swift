// A run in progress: when to write metrics and checkpoints, how to stop, what to do with a loss that is not finite.

import Basics
import CSystem
import Experiments
import TensorCore

/// What a finished run reports.
public struct RunSummary: Codable, Equatable, Sendable {
  public var run: String
  public var dataset: String
  public var objective: String
  /// Updates done in all, and by this process.
  public var step: Int
  public var stepsTaken: Int
  /// Loss of the last step; nil when there was nothing left to do.
  public var loss: Double?
  public var checkpoint: String
  public var seconds: Double
  public var waitSeconds: Double
  /// Where a step's time went, the start of the process and the first batch left out.
  public var secondsAStep: StepSeconds
  /// The same in one sentence.
  public var verdict: String

  enum CodingKeys: String, CodingKey {
    case run, dataset, objective, step, loss, checkpoint, seconds, verdict
    case secondsAStep = "seconds_a_step"
    case stepsTaken = "steps_taken"
    case waitSeconds = "wait_seconds"
  }
}

public final class PretrainingRun<Model: Learner, Source: BatchSource>
where Model.Batch == Source.Batch {
  let configuration: RunConfiguration
  let learner: Model
  /// Updates done.
  var step: Int

  private let directory: RunDirectory
  private let store: CheckpointStore
  private let source: Source
  private let lock: RunLock?
  private let ranks: any Ranks
  private let began = monotonicSeconds()
  private let firstStep: Int
  /// nil: another rank leads.
  private var recorder: MetricsRecorder?
  private var progress: Progress?
  /// The step of the newest checkpoint on disk; nil: none.
  private var savedStep: Int?
  private var lastLoss: TrainingLoss?
  /// Statistics and position as they were before the step under way.
  private var statisticsBefore: [[Float]]
  private var positionBefore: CheckpointPosition
  /// Samples that earlier processes of the run have skipped.
  private let skippedBefore: UInt64
  private var savingSeconds = 0.0
  private var measuringSeconds = 0.0
  private let probe: (any OnlineProbe)?
  /// Once the first batch is there: when, and what the clock said.
  private var steady: (time: Double, clock: RunClock)?

  /// Restores the session's checkpoint into the learner.
  /// - Parameters:
  ///   - probe: asked each `probe_every` steps.
  ///   - ranks: those that train on the same batches; only rank 0 writes and shows.
  ///   - progress: false: nothing is shown on stderr.
  /// - Throws: bad data when the checkpoint does not fit the learner.
  public init(
    _ session: RunSession, learner: Model, source: Source, probe: (any OnlineProbe)? = nil,
    ranks: any Ranks = LoneRank(), progress: Bool = true
  ) throws {
    configuration = session.configuration
    directory = session.directory
    lock = session.lock
    store = CheckpointStore(session.directory)
    self.learner = learner
    self.source = source
    self.probe = probe
    self.ranks = ranks
    step = session.step
    firstStep = session.step
    precondition(source.position == session.samples, "the source starts where the session does")
    if let checkpoint = session.checkpoint {
      try checkpoint.restore(learner)
      savedStep = checkpoint.state.step
    }
    if ranks.leads {
      recorder = try MetricsRecorder(
        session.directory, from: step, batch: configuration.batch, epochLength: source.epochLength)
    }
    if progress, ranks.leads {
      self.progress = Progress(
        "training", total: configuration.steps, start: step, unit: "steps")
    }
    statisticsBefore = learner.statistics.map { Array($0.values) }
    skippedBefore = session.checkpoint?.state.skipped ?? 0
    positionBefore = CheckpointPosition(step: step, samples: 0, skipped: 0)
  }

  /// What the run's checkpoints will take on disk, for the person who starts it.
  /// - Throws: try again when not even one fits.
  public func spaceEstimate() throws -> String {
    let tensors =
      learner.parameters + learner.statistics + learner.constants + learner.firstMoments
      + learner.secondMoments + learner.averages
    let bytes = tensors.reduce(1 << 16) { $0 + 4 * $1.values.count }
    let free = try Files.freeBytes(at: directory.path)
    func megabytes(_ bytes: Int) -> String { significant(Double(bytes) / 1e6) + " MB" }
    guard free >= bytes else {
      throw Failure(
        .tryAgain, at: directory.path,
        "expected \(megabytes(bytes)) free for a checkpoint, found \(megabytes(free))",
        remedy: "Make room, or choose another --run.")
    }
    return "checkpoints: \(megabytes(bytes)) each, up to \(configuration.keepCheckpoints) kept, "
      + "\(megabytes(free)) free"
  }

  /// Trains to the end, saves, and closes the source on every path.
  /// - Throws: interrupted (after saving) when a stop was asked for, bad data for a loss that is not finite, and what
  ///   the source, the learner or the disk report.
  public func run() throws -> RunSummary {
    defer { source.close() }
    do {
      try pretrain()
      try save()
    } catch {
      progress?.interrupt()
      throw error
    }
    let clock = clock
    let steps = clock.step(
      from: steady?.clock ?? clock, seconds: monotonicSeconds() - (steady?.time ?? began),
      steps: step - firstStep)
    return RunSummary(
      run: directory.path, dataset: configuration.dataset,
      objective: configuration.objective.rawValue, step: step, stepsTaken: step - firstStep,
      loss: lastLoss?.total, checkpoint: directory.checkpoint(step: step).folder,
      seconds: monotonicSeconds() - began, waitSeconds: source.waitSeconds, secondsAStep: steps,
      verdict: steps.verdict(workers: source.workerCount))
  }

  private var clock: RunClock {
    RunClock(
      wait: source.waitSeconds, saving: savingSeconds, measuring: measuringSeconds,
      workers: source.workerTimes)
  }

  // MARK: what the loop calls

  /// The next batch. When a stop was asked for or no batch comes, what has been trained so far is saved first.
  func nextBatch() throws -> Model.Batch {
    for (k, tensor) in learner.statistics.enumerated() {
      for i in tensor.values.indices { statisticsBefore[k][i] = tensor.values[i] }
    }
    positionBefore = position
    if ranks.largest(cs_stop_requested() != 0 ? 1 : 0) > 0 { try leave(interrupted) }
    var (next, failure): (Model.Batch?, Failure?)
    do { next = try source.next() } catch let found as Failure { failure = found }
    let isOver = ranks.largest(failure == nil ? 0 : 1) > 0
    guard let batch = next, !isOver else {
      try leave(cs_stop_requested() != 0 ? interrupted : failure ?? endedElsewhere)
    }
    if steady == nil { steady = (monotonicSeconds(), clock) }
    return batch
  }

  /// Ends the run on all ranks, once the step that was done last is saved.
  private func leave(_ failure: Failure) throws -> Never {
    do { try save(at: positionBefore) } catch let second as Failure {
      throw failure.kind == .interrupted
        ? second
        : Failure(
          failure.kind, at: failure.place, failure.problem,
          remedy: "Nor could step \(step) be saved: \(second)")
    }
    ranks.meet()  // nobody is gone before the leader has saved
    throw failure
  }

  /// Stops the run before a loss that is not finite reaches the parameters.
  /// - Throws: bad data with the batch's samples; the state the step started from stays below `replay/`.
  func refuseNonFinite(_ loss: TrainingLoss, of batch: Model.Batch) throws {
    guard !loss.isFinite else { return }
    for (k, tensor) in learner.statistics.enumerated() {
      _ = tensor.values.update(from: statisticsBefore[k])
    }
    let samples = source.samples(of: batch)
    let folder =
      ranks.leads
      ? try store.saveReplay(learner, at: positionBefore, batch: samples) : directory.path
    ranks.meet()
    let shown = samples.prefix(16).map(\.description).joined(separator: " ")
    let more = samples.count > 16 ? " and \(samples.count - 16) more, listed in its state.json" : ""
    throw Failure(
      .badData, at: directory.path,
      "step \(step + 1): expected a finite "
        + (loss.total.isFinite
          ? "gradient, found one of norm \(loss.gradientNorm ?? .nan)"
          : "loss, found \(loss.total)")
        + "; samples (epoch:id) \(shown)\(more)",
      remedy: "The state before the step is kept in \(folder); to take the step again, copy it to "
        + "\(directory.checkpoints) and use --resume.")
  }

  /// Writes down a step that is done: metrics, checkpoint if due.
  func note(_ loss: TrainingLoss) throws {
    lastLoss = loss
    let isLast = step == configuration.steps
    let receipts = source.takeReceipts()
    let readings = try measure(loss)
    if step == 1 || isLast || step % configuration.logEvery == 0 || !receipts.isEmpty
      || readings.featureRank != nil || readings.probe != nil
    {
      try recorder?.write(loss, at: position, clock, receipts: receipts, readings: readings)
    }
    for remark in source.takeRemarks() where progress != nil {
      progress?.interrupt()
      Console.note(remark)
    }
    progress?.show(step, "loss \(significant(loss.total))")
    let saveEvery = configuration.saveEvery
    if isLast || saveEvery > 0 && step % saveEvery == 0 { try save() }
  }

  /// What the configuration asks for beside the loss.
  private func measure(_ loss: TrainingLoss) throws -> StepReadings {
    var readings = StepReadings()
    readings.gradientNorm = loss.gradientNorm
    readings.learningRate = learner.learningRate(step: step - 1)
    let start = monotonicSeconds()
    guard ranks.leads else { return readings }
    if isDue(configuration.rankEvery) { readings.featureRank = learner.featureRank() }
    if let probe, isDue(configuration.probeEvery) {
      readings.probe = try probe.read()
    }
    if readings.featureRank != nil || readings.probe != nil {
      measuringSeconds += monotonicSeconds() - start
    }
    return readings
  }

  /// Each `every` steps, and at the last.
  private func isDue(_ every: Int) -> Bool {
    every > 0 && (step % every == 0 || step == configuration.steps)
  }

  // MARK: saving

  /// Saves the step. When it is on disk already, a kill may have come before the old ones went.
  private func save(at place: CheckpointPosition? = nil) throws {
    guard ranks.leads else { return }
    guard savedStep != step else {
      return try store.prune(before: step, keep: configuration.keepCheckpoints)
    }
    let start = monotonicSeconds()
    defer { savingSeconds += monotonicSeconds() - start }
    try recorder?.sync()
    try store.save(learner, at: place ?? position, keep: configuration.keepCheckpoints)
    savedStep = step
  }

  private var position: CheckpointPosition {
    CheckpointPosition(
      step: step, samples: source.position, skipped: skippedBefore + source.skippedCount,
      epochs: source.openEpochs)
  }

  private var endedElsewhere: Failure {
    Failure(
      .tryAgain, at: "rank \(ranks.index)", "stopped after step \(step), as another rank had to",
      remedy: "That rank says why.")
  }

  private var interrupted: Failure {
    Failure(
      .interrupted, at: directory.path,
      "stopped on request after step \(step) of \(configuration.steps); the step is saved",
      remedy: "Go on with: metamae-train --resume --run \(directory.path) --shards DIR")
  }
}
