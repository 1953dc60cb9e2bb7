// The projector h of the task contrast: Linear, batch norm, ReLU, Linear on pooled latents. It sees a whole batch,
// so it runs outside the slices; each of the two batches of a step has its own pass and statistics.

import Experiments
import TensorCore

public struct Projector: Sendable {
  let first: Linear
  let normWeight: ParameterSlot
  let normBias: ParameterSlot
  let last: Linear
  public let hiddenWidth: Int
  public let outWidth: Int

  static let epsilon = 1e-5
  static let momentum = 0.1

  init(_ table: inout ParameterTable, _ model: ModelConfiguration) {
    hiddenWidth = model.projectorHidden
    outWidth = model.projectorOut
    first = Linear(&table, "projector.0", from: model.encoder.width, to: hiddenWidth, bias: false)
    normWeight = table.add("projector.1.weight", hiddenWidth)
    normBias = table.add("projector.1.bias", hiddenWidth)
    last = Linear(&table, "projector.3", from: hiddenWidth, to: outWidth, bias: false)
  }

  /// [B, d] to [B, out], by this batch's statistics.
  public func forward<R>(
    _ x: Matrix<R>, _ pass: ProjectorPass<R>, into y: Matrix<R>, _ lane: Lane<R>
  ) {
    first(x, into: pass.hidden, lane)
    R.batchnorm(
      x.rows, hiddenWidth, pass.hidden.base, lane.vector(normWeight), lane.vector(normBias),
      R(Self.epsilon),
      pass.normalised.base, pass.reciprocal, pass.mean, pass.variance, pass.activated.base)
    let activated = pass.activated.base
    for i in 0..<pass.activated.count where !(activated[i] > 0) {
      activated[i] = activated[i].isNaN ? activated[i] : 0
    }
    last(pass.activated, into: y, lane)
  }

  /// dx [B, d] from dy [B, out]; adds the parameters' gradients.
  public func backward<R>(
    _ dy: Matrix<R>, _ x: Matrix<R>, _ pass: ProjectorPass<R>, into dx: Matrix<R>, _ lane: Lane<R>
  ) {
    last.accumulate(dy, pass.activated, lane)
    last.backward(dy, into: pass.hidden, lane)
    for i in 0..<pass.hidden.count where pass.activated.base[i] == 0 { pass.hidden.base[i] = 0 }
    R.batchnormBackward(
      x.rows, hiddenWidth, pass.normalised.base, pass.reciprocal, lane.vector(normWeight),
      pass.hidden.base,
      pass.weightSlope, pass.biasSlope)
    R.axpy(hiddenWidth, 1, pass.weightSlope, lane.slope(normWeight))
    R.axpy(hiddenWidth, 1, pass.biasSlope, lane.slope(normBias))
    first.accumulate(pass.hidden, x, lane)
    first.backward(pass.hidden, into: dx, lane)
  }
}

/// The memory of one projector pass over a batch of `count` rows.
public final class ProjectorPass<R: Real>: @unchecked Sendable {
  let hidden: Matrix<R>
  let normalised: Matrix<R>
  let activated: Matrix<R>
  let reciprocal: UnsafeMutablePointer<R>
  let mean: UnsafeMutablePointer<R>
  let variance: UnsafeMutablePointer<R>
  let weightSlope: UnsafeMutablePointer<R>
  let biasSlope: UnsafeMutablePointer<R>
  private let memory: Storage<R>

  public init(_ projector: Projector, count: Int) {
    let width = projector.hiddenWidth
    let memory = Storage<R>(count: (3 * count + 5) * width)
    self.memory = memory
    func matrix(_ k: Int) -> Matrix<R> { Matrix(memory.base + k * count * width, count, width) }
    func vector(_ k: Int) -> UnsafeMutablePointer<R> { memory.base + (3 * count + k) * width }
    (hidden, normalised, activated) = (matrix(0), matrix(1), matrix(2))
    (reciprocal, mean, variance) = (vector(0), vector(1), vector(2))
    (weightSlope, biasSlope) = (vector(3), vector(4))
  }

  /// Moves running statistics towards this batch's: momentum 0.1, unbiased variance.
  public func update(_ statistics: RunningStatistics<R>, rows: Int) {
    let m = R(Projector.momentum)
    let unbiased = R(rows) / R(max(rows - 1, 1))
    for j in 0..<statistics.mean.count {
      statistics.mean[j] += m * (mean[j] - statistics.mean[j])
      statistics.variance[j] += m * (variance[j] * unbiased - statistics.variance[j])
    }
  }
}

/// Batch norm's running mean and variance: kept in the checkpoint, used by no objective.
public final class RunningStatistics<R: Real>: @unchecked Sendable {
  public let mean: UnsafeMutableBufferPointer<R>
  public let variance: UnsafeMutableBufferPointer<R>

  public init(width: Int) {
    mean = .allocate(capacity: width)
    variance = .allocate(capacity: width)
    mean.initialize(repeating: 0)
    variance.initialize(repeating: 1)
  }

  deinit {
    mean.deallocate()
    variance.deallocate()
  }
}
