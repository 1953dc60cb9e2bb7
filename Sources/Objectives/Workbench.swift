// What a step works on, whatever the objective: parameters and gradients, the batch's tokens and random draws, the
// lanes and the slices of the batch that each of them carries.

import Basics
import Experiments
import Networks
import TensorCore

/// A range of the batch that one lane takes through the encoder at once, and the parts of it that go through the
/// decoder at once: few enough rows to stay in cache, enough to keep a matrix product busy.
struct Slice {
  let samples: Range<Int>
  let parts: [Range<Int>]
}

public final class Workbench<R: Real>: @unchecked Sendable {
  public let network: Network
  public let settings: ObjectiveSettings
  public let batchSize: Int
  /// Parts that a batch is computed in, one after the other, so that a part's memory serves all (`accumulate`).
  public let passes: Int
  public let keptCount: Int
  public let parameters: ParameterBuffer<R>
  public let statistics: RunningStatistics<R>
  public let tokens: TokenBatch<R>
  public let draws: MaskDraws
  public let split: MaskSplit
  /// Dropout keys of the batch's samples; only read when the encoder drops.
  public let dropoutKeys: UnsafeMutableBufferPointer<RandomKey>
  /// Processes that share the batch as the lanes do.
  let ranks: any Ranks
  let lanes: [Lane<R>]
  private let gradients: [ParameterBuffer<R>]
  private let packed: PackedWeights<R>
  let encoderCodes: Storage<R>
  let decoderCodes: Storage<R>

  /// The gradient of the last step, laid out as the parameters.
  public var gradient: ParameterBuffer<R> { gradients[0] }

  /// - Parameters:
  ///   - lanes: threads; part of what determines a run's bytes.
  ///   - passes: parts of the batch that are computed one after the other.
  ///   - precision: what the products of the blocks and heads multiply.
  ///   - ranks: with the same parameters and the same batch.
  public init(
    _ network: Network, _ settings: ObjectiveSettings, batchSize: Int, lanes laneCount: Int,
    passes: Int = 1, precision: ProductPrecision = .exact, ranks: any Ranks = LoneRank()
  ) {
    self.network = network
    self.settings = settings
    self.batchSize = batchSize
    self.passes = passes
    self.ranks = ranks
    let model = network.configuration
    keptCount = settings.keptCount(of: model.tokenCount)
    let parameters = ParameterBuffer<R>(network.table)
    self.parameters = parameters
    statistics = RunningStatistics(width: model.projectorHidden)
    tokens = TokenBatch(model.inputs, capacity: batchSize)
    draws = MaskDraws(sampleCount: batchSize, tokenCount: model.tokenCount)
    split = MaskSplit(model, sampleCount: batchSize, keptCount: keptCount)
    dropoutKeys = .allocate(capacity: batchSize)
    dropoutKeys.initialize(repeating: RandomKey(seed: 0, "dropout"))
    gradients = (0..<laneCount).map { _ in ParameterBuffer(network.table) }
    let packed = PackedWeights<R>(network.table, precision)
    self.packed = packed
    lanes = gradients.map {
      Lane(weights: parameters, gradient: $0, scratch: Arena(precision), packed: packed)
    }
    encoderCodes = positionCodes(width: model.encoder.width, model.inputs, R.self)
    decoderCodes = positionCodes(width: model.decoder.width, model.inputs, R.self)
  }

  deinit { dropoutKeys.deallocate() }

  /// Draws the random choices of sample `index` of the batch: a function of (seed, epoch, id) alone.
  public func draw(sample index: Int, seed: UInt64, epoch: UInt64, id: UInt64) {
    draws.fill(sample: index, seed: seed, epoch: epoch, id: id)
    dropoutKeys[index] = RandomKey(seed: seed, "dropout", epoch, id)
  }

  /// Draws the random choices of the batch as a whole: a function of (seed, step) alone.
  public func draw(seed: UInt64, step: Int) { draws.fill(seed: seed, step: UInt64(step)) }

  /// Runs `body` once a lane, at the same time.
  func inEachLane(_ body: (Int, Lane<R>) -> Void) { inLanes(lanes.count) { body($0, lanes[$0]) } }

  /// The slices of each lane of this rank, at least one for each pass where there are samples enough.
  /// - Parameter encoderTokens: tokens of a sample that the encoder sees; nil: those that masking keeps.
  func slices(encoderTokens: Int? = nil) -> [[Slice]] {
    let encoderRows = 1 + (encoderTokens ?? keptCount)
    let decoderRows = 1 + network.configuration.tokenCount
    return lanes.indices.map { lane in
      let own = share(
        of: batchSize, lane: ranks.index * lanes.count + lane, lanes: ranks.count * lanes.count)
      let sliceCount = max(1, own.count * encoderRows / 1024, passes)
      return cut(own, into: sliceCount).map { samples in
        Slice(
          samples: samples,
          parts: cut(samples, into: max(1, samples.count * decoderRows / 512)))
      }
    }
  }

  /// Cuts a range into `count` pieces whose sizes differ by at most one, none empty.
  private func cut(_ range: Range<Int>, into count: Int) -> [Range<Int>] {
    let pieces = min(count, range.count)
    return (0..<pieces).map {
      let piece = share(of: range.count, lane: $0, lanes: pieces)
      return range.lowerBound + piece.lowerBound..<range.lowerBound + piece.upperBound
    }
  }

  /// What a selected token of each input counts, so that the loss is the mean over the batch's selected tokens,
  /// then over the inputs; an input without any counts 0 and stays in the mean.
  func weigh(_ counts: [Int], factor: Double, into weights: inout [Double]) {
    for k in counts.indices {
      weights[k] = factor / (Double(counts.count) * Double(max(counts[k], 1)))
    }
  }

  /// Weights of nothing yet, one an input.
  var noWeights: [Double] { .init(repeating: 0, count: tokens.inputs.count) }

  /// Starts a step: sets follow the draws, weights are packed, gradients are zero.
  func begin() {
    split.update(draws, nearbyRatio: settings.nearbyRatio)
    inEachLane { lane, _ in
      packed.update(from: parameters, lane: lane, lanes: lanes.count)
      R.zero(network.table.count, gradients[lane].base)
    }
  }

  /// Ends a step: the lanes' gradients are added in order, then the ranks'.
  func mergeGradients() {
    inEachLane { lane, _ in
      let range = share(of: network.table.count, lane: lane, lanes: lanes.count, grain: 16)
      for other in gradients.dropFirst() {
        R.axpy(range.count, 1, other.base + range.lowerBound, gradient.base + range.lowerBound)
      }
    }
    ranks.sum(gradient.base, network.table.count)
  }

  /// The sum of what the lanes' samples give, over all ranks.
  func total(_ own: [LossTally]) -> Double {
    var sum = own.reduce(0) { $0 + $1.query }
    ranks.sum(&sum, 1)
    return sum
  }

  /// Matrices whose rows belong to the samples, as many each, of which each rank has written its own: now all have all.
  func gather(_ matrices: [Matrix<R>]) {
    guard ranks.count > 1 else { return }
    for matrix in matrices {
      let size = matrix.count / batchSize
      ranks.gather(
        matrix.base,
        (0..<ranks.count).map { rank in
          let own = share(of: batchSize, lane: rank, lanes: ranks.count)
          return own.lowerBound * size..<own.upperBound * size
        })
    }
  }

  /// Runs what every rank computes over the whole batch, and lets only the leader's gradient of these parameters count.
  func once<T>(_ parameters: Range<Int>, _ body: () -> T) -> T {
    defer {
      if !ranks.leads {
        for gradient in gradients {
          R.zero(parameters.count, gradient.base + parameters.lowerBound)
        }
      }
    }
    return body()
  }
}

/// The losses of one lane's samples.
final class LossTally {
  var inner = 0.0
  var query = 0.0

  func clear() { (inner, query) = (0, 0) }
}

/// One decoder pass that serves one part of a batch after the other.
final class SharedDecoderPass<R: Real> {
  private let passes: [DecoderPass<R>]

  init(_ bench: Workbench<R>, for parts: [Range<Int>]) {
    let sizes = Set(parts.map(\.count)).sorted()
    passes = sizes.map {
      DecoderPass(
        bench.network.decoder, samples: 0..<$0, keptCount: bench.keptCount,
        codes: bench.decoderCodes,
        keepsAdjoints: false)
    }
  }

  func pass(for samples: Range<Int>) -> DecoderPass<R> {
    for pass in passes where pass.samples.count == samples.count {
      pass.move(to: samples)
      return pass
    }
    preconditionFailure("no pass was made for \(samples.count) samples")
  }
}
