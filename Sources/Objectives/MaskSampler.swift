// Which tokens of each sample are kept, and which masked neighbours join the inner loss (Algorithm 1, lines 5, 7).

import Basics
import Experiments

/// The random choices of one batch: mask order and nearby draws, [B, T] each; e-Mix's shares and partners, [B].
public final class MaskDraws: @unchecked Sendable {
  public let sampleCount: Int
  public let tokenCount: Int
  /// A permutation of the tokens for each sample; the first `keptCount` are the support set.
  public let order: UnsafeMutablePointer<Int32>
  /// Uniform in [0, 1): a masked neighbour joins where the draw is below the nearby ratio.
  public let draw: UnsafeMutablePointer<Float>
  /// e-Mix's lambda, in [0.5, 1].
  public let mix: UnsafeMutablePointer<Float>
  /// With whom each sample is mixed: a permutation of the batch.
  public let partner: UnsafeMutablePointer<Int32>

  public init(sampleCount: Int, tokenCount: Int) {
    self.sampleCount = sampleCount
    self.tokenCount = tokenCount
    order = .allocate(capacity: sampleCount * tokenCount)
    draw = .allocate(capacity: sampleCount * tokenCount)
    mix = .allocate(capacity: sampleCount)
    partner = .allocate(capacity: sampleCount)
    mix.initialize(repeating: 1, count: sampleCount)
    for sample in 0..<sampleCount { partner[sample] = Int32(sample) }
  }

  deinit {
    order.deallocate()
    draw.deallocate()
    mix.deallocate()
    partner.deallocate()
  }

  /// Draws sample `sample`'s numbers from its own streams.
  public func fill(sample: Int, seed: UInt64, epoch: UInt64, id: UInt64) {
    var mask = RandomStream(RandomKey(seed: seed, "mask", epoch, id))
    mask.permutation(
      into: UnsafeMutableBufferPointer(start: order + sample * tokenCount, count: tokenCount))
    var nearby = RandomStream(RandomKey(seed: seed, "nearby", epoch, id))
    for t in 0..<tokenCount { draw[sample * tokenCount + t] = nearby.uniformFloat() }
    var share = RandomStream(RandomKey(seed: seed, "share", epoch, id))
    let u = share.uniformFloat()
    mix[sample] = max(u, 1 - u)
  }

  /// Draws the batch's partners.
  public func fill(seed: UInt64, step: UInt64) {
    var stream = RandomStream(RandomKey(seed: seed, "partner", step))
    stream.permutation(into: UnsafeMutableBufferPointer(start: partner, count: sampleCount))
  }
}

/// Support, query and nearby sets of a batch.
public final class MaskSplit: @unchecked Sendable {
  private let inputs: [InputSpecification]
  private let starts: [Int]
  private let tokenCount: Int
  private let sampleCount: Int
  private let keptCount: Int
  private let kept: UnsafeMutablePointer<Bool>
  private let near: UnsafeMutablePointer<Bool>
  /// Tokens of each input in the query set, and in support and nearby together, over the whole batch.
  public private(set) var queryCounts: [Int]
  public private(set) var nearCounts: [Int]

  init(_ model: ModelConfiguration, sampleCount: Int, keptCount: Int) {
    inputs = model.inputs
    starts = model.tokenStarts
    tokenCount = model.tokenCount
    self.sampleCount = sampleCount
    self.keptCount = keptCount
    kept = .allocate(capacity: sampleCount * tokenCount)
    near = .allocate(capacity: sampleCount * tokenCount)
    queryCounts = .init(repeating: 0, count: inputs.count)
    nearCounts = queryCounts
  }

  deinit {
    kept.deallocate()
    near.deallocate()
  }

  /// Line 5: whether the token is masked.
  public func isQuery(_ sample: Int, _ token: Int) -> Bool { !kept[sample * tokenCount + token] }

  /// Line 8: whether the token is in the support set or one of its chosen neighbours.
  public func isNear(_ sample: Int, _ token: Int) -> Bool { near[sample * tokenCount + token] }

  /// Reads the sets off the draws.
  func update(_ draws: MaskDraws, nearbyRatio: Float) {
    for k in inputs.indices {
      queryCounts[k] = 0
      nearCounts[k] = 0
    }
    for sample in 0..<sampleCount {
      let base = sample * tokenCount
      for t in 0..<tokenCount { kept[base + t] = false }
      for j in 0..<keptCount { kept[base + Int(draws.order[base + j])] = true }
      for (k, input) in inputs.enumerated() {
        for local in 0..<input.tokenCount {
          let t = base + starts[k] + local
          let joins =
            !kept[t] && draws.draw[t] < nearbyRatio
            && touches(kept + base + starts[k], local, input)
          near[t] = kept[t] || joins
          if near[t] { nearCounts[k] += 1 }
          if !kept[t] { queryCounts[k] += 1 }
        }
      }
    }
  }

  /// Whether a kept token lies beside this one in its input's own grid: left and right, in an image also up and down.
  private func touches(
    _ kept: UnsafeMutablePointer<Bool>, _ token: Int, _ input: InputSpecification
  ) -> Bool {
    guard input.kind == .image else {
      return token > 0 && kept[token - 1] || token + 1 < input.tokenCount && kept[token + 1]
    }
    let across = input.shape[2] / input.patch[1]
    let column = token % across
    return column > 0 && kept[token - 1] || column + 1 < across && kept[token + 1]
      || token >= across && kept[token - across]
      || token + across < input.tokenCount && kept[token + across]
  }
}
