import Basics
import Experiments
import Foundation
import TensorCore
import Testing
import Training

/// Samples that are a function of their id, stored as 32-bit floats and bytes.
private final class StoredSource: BatchSource {
  struct Batch: StoredBatch {
    let samples: [SampleName]
    let floats: UnsafeMutablePointer<Float>
    let letters: UnsafeMutablePointer<UInt8>
    var count: Int { samples.count }
    func epoch(of sample: Int) -> UInt64 { samples[sample].epoch }
    func id(of sample: Int) -> UInt64 { samples[sample].id }
    func input(_ k: Int, of sample: Int) -> UnsafeRawPointer {
      k == 0 ? UnsafeRawPointer(floats + 32 * sample) : UnsafeRawPointer(letters + 6 * sample)
    }
  }

  let epochLength: UInt64 = 10
  let waitSeconds = 0.0
  private let batch: Int
  private(set) var position: UInt64
  let skippedCount: UInt64 = 0
  private let floats: UnsafeMutablePointer<Float>
  private let letters: UnsafeMutablePointer<UInt8>
  /// The id whose second input holds a letter outside the vocabulary.
  var wrongAt: UInt64?

  init(_ session: RunSession) {
    batch = session.configuration.batch
    position = session.samples
    floats = .allocate(capacity: 32 * batch)
    letters = .allocate(capacity: 6 * batch)
  }

  deinit {
    floats.deallocate()
    letters.deallocate()
  }

  func next() -> Batch {
    let samples = (0..<batch).map { place in
      let at = position + UInt64(place)
      return SampleName(epoch: at / epochLength, id: at % epochLength)
    }
    for (place, sample) in samples.enumerated() {
      var stream = RandomStream(RandomKey(seed: 5, "data", sample.id))
      for i in 0..<32 { floats[32 * place + i] = Float(stream.normal()) }
      for i in 0..<6 { letters[6 * place + i] = UInt8(stream.below(4)) }
      if sample.id == wrongAt { letters[6 * place + 3] = 4 }
    }
    position += UInt64(batch)
    return Batch(samples: samples, floats: floats, letters: letters)
  }

  func samples(of batch: Batch) -> [SampleName] { batch.samples }
  func takeRemarks() -> [String] { [] }
  func close() {}
}

@Suite struct NetworkLearnerTests {
  private static let small = """
    dataset: tiny
    steps: 6
    batch: 4
    save_every: 2
    log_every: 1
    mask_ratio: 0.5
    dropout: 0.1
    learning_rate: 1e-3
    threads: 2
    encoder: {width: 16, heads: 2, layers: 2}
    decoder: {width: 8, heads: 2, layers: 1}
    projector: {hidden: 12, out: 6}

    """
  private let inputs = [
    InputSpecification(kind: .image, shape: [2, 4, 4], patch: [2, 2]),
    InputSpecification(kind: .tokens, shape: [6], vocabulary: 4),
  ]

  private func train(
    _ bench: Bench, resume: Bool = false, settings: [String] = [],
    prepare: (StoredSource) -> Void = { _ in }
  ) throws -> RunSummary {
    try BLAS.prepare()
    let plan = try RunPlan(
      RunRequest(
        run: bench.run, configuration: resume ? nil : bench.config, settings: settings,
        resume: resume))
    let session = try RunSession(plan)
    let source = StoredSource(session)
    prepare(source)
    let learner = try NetworkLearner<StoredSource.Batch>(
      session.configuration, session.configuration.model(over: inputs),
      storage: [
        [
          InputStorage(type: .float32, scaling: .identity(channels: 2)),
          InputStorage(type: .uint8, scaling: .identity(channels: 1)),
        ]
      ])
    return try PretrainingRun(session, learner: learner, source: source, progress: false).run()
  }

  @Test(arguments: ["metamae", "mae", "mae-linear", "emix", "shed", "capri"])
  func resumedNetworkEqualsOneThatNeverStopped(objective: String) throws {
    let whole = try Bench(Self.small + "objective: \(objective)\n")
    let summary = try train(whole)
    #expect(summary.loss.map { $0 > 0 } == true)
    let parts = try Bench(Self.small + "objective: \(objective)\n")
    _ = try train(parts, settings: ["steps=3"])
    _ = try train(parts, resume: true, settings: ["steps=6"])
    #expect(try whole.bytes(step: 6) == parts.bytes(step: 6))
    #expect(try whole.bytes(step: 6)[0] != whole.bytes(step: 4)[0])
    let contrasts = try whole.metrics().map { $0.contrast != nil }
    #expect(contrasts == .init(repeating: objective == "metamae", count: 6))
  }

  @Test func fileHoldsThePublishedNames() throws {
    let bench = try Bench(Self.small)
    _ = try train(bench, settings: ["steps=1"])
    let model = try TensorArchive(path: bench.directory.checkpoint(step: 1).model)
    for (name, shape) in [
      ("cls_token", [1, 1, 16]), ("mask_token", [1, 1, 8]), ("pos_embed", [1, 11, 16]),
      ("decoder_pos_embed", [1, 11, 8]), ("encoder.1.attn.qkv.weight", [48, 16]),
      ("patch_embed.0.proj.weight", [16, 2, 2, 2]), ("decoder_head.1.bias", [16]),
      ("projector.1.running_mean", [12]), ("projector.1.running_var", [12]),
    ] { #expect(model.entries[name]?.shape == shape, "\(name)") }
    #expect(
      try model.floats("pos_embed").prefix(16) == ArraySlice([Float](repeating: 0, count: 16)))
    // Two updates a step move the running variance away from 1.
    #expect(try model.floats("projector.1.running_var")[0] != 1)
    let optimizer = try TensorArchive(path: bench.directory.checkpoint(step: 1).optimizer)
    #expect(optimizer.names.count == 2 * (model.names.count - 4))
  }

  /// All values of a file of a run's first checkpoint whose names begin so.
  private func values(_ path: String, _ prefix: String = "") throws -> [Float] {
    let file = try TensorArchive(path: path)
    return try file.names.sorted().filter { $0.hasPrefix(prefix) && !$0.contains("running_") }
      .flatMap { try file.floats($0) }
  }

  /// One step of a run with these options.
  private func oneStep<Found>(
    _ options: String, _ look: (CheckpointFiles) throws -> Found
  ) throws -> Found {
    let bench = try Bench(Self.small)
    _ = try train(bench, settings: ["steps=1"] + options.split(separator: " ").map(String.init))
    return try look(bench.directory.checkpoint(step: 1))
  }

  private static func norm(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  /// What the first moment holds of the first gradient is a tenth of it: the bound's, when that is shorter.
  @Test(arguments: [1e-3, 2e-2]) func theOptimizerSeesTheClippedGradient(bound: Double) throws {
    let moments = try oneStep("clip_norm=\(bound)") { try values($0.optimizer, "exp_avg.") }
    #expect(abs(Self.norm(moments) / (0.1 * bound) - 1) < 1e-4)
  }

  /// A batch in four passes: the same gradient, but for the order of its sums.
  @Test func passesOfAStep() throws {
    let whole = try oneStep("accumulate=1") { try values($0.optimizer, "exp_avg.") }
    let passes = try oneStep("accumulate=4") { try values($0.optimizer, "exp_avg.") }
    let difference = Self.norm(zip(whole, passes).map { $0 - $1 })
    #expect(difference > 0 && difference < 1e-4 * Self.norm(whole), "\(difference)")
  }

  /// After the first update the mean is 2/11 of the initial parameters and 9/11 of the new ones.
  @Test func theMeanCountsTheUpdateJustDone() throws {
    let still = try oneStep("learning_rate=1e-30") { try values($0.model) }
    let (moved, mean) = try oneStep("ema_decay=0.999") {
      (try values($0.model), try values($0.average))
    }
    #expect(Self.norm(zip(moved, still).map { $0 - $1 }) > 1e-2)
    let expected = zip(moved, still).map { 2 / 11 * $1 + 9 / 11 * $0 }
    let error = Self.norm(zip(mean, expected).map { $0 - $1 })
    #expect(error < 1e-5 * Self.norm(expected), "\(error)")
  }

  /// The first of four steps of a climb to four times the rate is a step at the rate.
  @Test func theScheduleBeginsWithTheFirstUpdate() throws {
    let plain = try oneStep("learning_rate=1e-3") { try values($0.model) }
    let climbing = try oneStep("learning_rate=4e-3 warmup=4") { try values($0.model) }
    #expect(plain == climbing)
  }

  @Test func aLetterOutsideTheVocabularyIsNamed() throws {
    let bench = try Bench(Self.small)
    let failure = #expect(throws: Failure.self) { try train(bench) { $0.wrongAt = 7 } }
    #expect(failure?.kind == .badData)
    #expect(
      failure?.description
        == "tiny, sample 7 of epoch 0: input 1, token 3: expected an id below 4")
  }
}
