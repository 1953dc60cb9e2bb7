// The learner of a real run: network, objective and AdamW over the batches that the loader's ring holds.

import Basics
import Experiments
import Networks
import Objectives
import Optimizers
import TensorCore

/// A batch in the type it is stored in; values are cut into tokens and scaled in the learner's first read.
public protocol StoredBatch {
  var count: Int { get }
  func epoch(of sample: Int) -> UInt64
  func id(of sample: Int) -> UInt64
  /// Input `k`'s values of one sample, contiguous.
  func input(_ k: Int, of sample: Int) -> UnsafeRawPointer
  /// The set of a mixture that the sample comes from, from 0.
  func folder(of sample: Int) -> Int
}

extension StoredBatch {
  public func folder(of sample: Int) -> Int { 0 }
}

/// How one input is stored.
public struct InputStorage: Sendable {
  public var type: StoredType
  public var scaling: ChannelScaling<Float>

  public init(type: StoredType, scaling: ChannelScaling<Float>) {
    self.type = type
    self.scaling = scaling
  }
}

extension LearningRateSchedule {
  init(_ configuration: RunConfiguration) {
    let peak = Double(configuration.learningRate)
    var cosine: (end: Double, step: Int)?
    if configuration.schedule == .cosine {
      cosine = (
        peak * configuration.scheduleEnd, configuration.scheduleSteps ?? configuration.steps
      )
    }
    self.init(peak: peak, warmup: configuration.warmup, cosine: cosine)
  }
}

extension ProductPrecision {
  init(_ name: PrecisionName) { self = name == .bf16 ? .bfloat16 : .exact }
}

public final class NetworkLearner<Batch: StoredBatch>: Learner, @unchecked Sendable {
  public let card: ModelCard
  public let parameters: [LearnerTensor]
  public let firstMoments: [LearnerTensor]
  public let secondMoments: [LearnerTensor]
  public let statistics: [LearnerTensor]
  public let averages: [LearnerTensor]
  public let constants: [LearnerTensor]

  private let bench: Workbench<Float>
  private let objective: any Objective<Float>
  private let optimizer: AdamW<Float>
  private let schedule: LearningRateSchedule
  private let norm: GradientNorm<Float>
  /// Of the last gradient; nil unless it is to be clipped.
  private var lastNorm: Double?
  /// Nil unless the configuration asks for it.
  private let average: ParameterAverage<Float>?
  private let rank: FeatureRank?
  private let configuration: RunConfiguration
  /// Of each set of a mixture, of each input.
  private let storage: [[InputStorage]]
  private let laneCount: Int
  /// Memory of the position codes.
  private let codes: [Storage<Float>]

  /// Takes all the memory that a step needs; fork before.
  /// - Parameters:
  ///   - configuration: with `threads` settled.
  ///   - storage: of each set of a mixture (else one), one for each input of `model`.
  ///   - ranks: those that train on the same batches.
  public init(
    _ configuration: RunConfiguration, _ model: ModelConfiguration, storage: [[InputStorage]],
    ranks: any Ranks = LoneRank()
  ) {
    precondition(
      !storage.isEmpty && storage.allSatisfy { $0.count == model.inputs.count },
      "one storage for each input")
    self.configuration = configuration
    self.storage = storage
    card = ModelCard(model: model, configuration: configuration)
    laneCount = configuration.threads ?? GrantedCores.count()
    let network = Network(model, for: configuration.objective)
    let bench = Workbench<Float>(
      network, configuration.settings, batchSize: configuration.batch, lanes: laneCount,
      passes: configuration.accumulate, precision: ProductPrecision(configuration.precision),
      ranks: ranks)
    self.bench = bench
    network.initialise(bench.parameters, seed: configuration.seed)
    objective = Objectives.objective(configuration.objective, on: bench)
    optimizer = AdamW(
      AdamW.Settings(
        learningRate: Double(configuration.learningRate),
        weightDecay: Double(configuration.weightDecay)), parameterCount: network.table.count)
    schedule = LearningRateSchedule(configuration)
    norm = GradientNorm(lanes: laneCount)
    average = configuration.emaDecay.map {
      ParameterAverage(of: bench.parameters.base, count: network.table.count, decay: $0)
    }
    rank =
      configuration.rankEvery > 0
      ? FeatureRank(network, bench.parameters, tokens: bench.tokens, lanes: laneCount) : nil
    let slots = network.table.slots
    func tensors(_ base: UnsafeMutablePointer<Float>) -> [LearnerTensor] {
      slots.map {
        LearnerTensor(
          $0.name, shape: $0.shape,
          values: UnsafeMutableBufferPointer(start: base + $0.offset, count: $0.count))
      }
    }
    parameters = tensors(bench.parameters.base)
    firstMoments = tensors(optimizer.firstMoment.base)
    secondMoments = tensors(optimizer.secondMoment.base)
    averages = average.map { tensors($0.values.base) } ?? []
    let hidden = [model.projectorHidden]
    statistics = [
      LearnerTensor("projector.1.running_mean", shape: hidden, values: bench.statistics.mean),
      LearnerTensor("projector.1.running_var", shape: hidden, values: bench.statistics.variance),
    ]
    let widths = [("pos_embed", model.encoder.width), ("decoder_pos_embed", model.decoder.width)]
    let codes = widths.map { positionCodes(width: $0.1, model.inputs, Float.self) }
    constants = zip(widths, codes).map { named, codes in
      let shape = [1, 1 + model.tokenCount, named.1]
      return LearnerTensor(
        named.0, shape: shape,
        values: UnsafeMutableBufferPointer(start: codes.base, count: shape.reduce(1, *)))
    }
    self.codes = codes
  }

  public func gradient(on batch: Batch, step: Int) throws -> TrainingLoss {
    try read(batch)
    bench.draw(seed: configuration.seed, step: step)
    let loss = objective.gradient()
    lastNorm = configuration.clipNorm.map { _ in
      norm.norm(bench.gradient.base, objective.trained)
    }
    return TrainingLoss(
      total: loss.loss, reconstruction: loss.reconstruction, contrast: loss.contrast,
      gradientNorm: lastNorm)
  }

  public func update(step: Int) {
    if let bound = configuration.clipNorm, let found = lastNorm {
      norm.clip(bench.gradient.base, objective.trained, norm: found, to: bound)
    }
    optimizer.updateCount = step
    optimizer.update(
      bench.parameters.base, along: bench.gradient.base, objective.trained, lanes: laneCount,
      learningRate: schedule.rate(step: step))
    average?.update(towards: bench.parameters.base, updates: step + 1, lanes: laneCount)
  }

  public func learningRate(step: Int) -> Double? {
    schedule.isConstant ? nil : schedule.rate(step: step)
  }

  public func featureRank() -> Double? { rank?.measure() }

  /// The encoder under training: what an online probe looks through.
  public var network: Network { bench.network }
  public var weights: ParameterBuffer<Float> { bench.parameters }

  /// Cuts the stored samples into tokens and draws their random numbers, a share of the batch in each lane.
  private func read(_ batch: Batch) throws {
    precondition(batch.count == bench.batchSize, "a batch of \(batch.count)")
    var failures = [Failure?](repeating: nil, count: laneCount)
    failures.withUnsafeMutableBufferPointer { failures in
      nonisolated(unsafe) let failures = failures
      nonisolated(unsafe) let batch = batch
      inLanes(laneCount) { lane in
        for sample in share(of: batch.count, lane: lane, lanes: laneCount) {
          let (epoch, id) = (batch.epoch(of: sample), batch.id(of: sample))
          bench.draw(sample: sample, seed: configuration.seed, epoch: epoch, id: id)
          for (k, stored) in storage[batch.folder(of: sample)].enumerated() {
            let wrong = bench.tokens.fill(
              sample: sample, input: k, from: batch.input(k, of: sample), as: stored.type,
              stored.scaling)
            guard let wrong, failures[lane] == nil else { continue }
            failures[lane] = Failure(
              .badData, at: "\(configuration.dataset), sample \(id) of epoch \(epoch)",
              "input \(k), token \(wrong): expected an id below \(card.model.inputs[k].vocabulary)")
          }
        }
      }
    }
    if let failure = failures.compactMap({ $0 }).first { throw failure }
  }
}
