// AdamW with decoupled weight decay (Loshchilov and Hutter 2019), on the flat parameter buffer.

import Glibc
import TensorCore

public final class AdamW<R: Real>: @unchecked Sendable {
  public struct Settings: Equatable, Sendable {
    public var learningRate: Double
    public var weightDecay: Double
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var epsilon = 1e-8

    public init(learningRate: Double = 1e-4, weightDecay: Double = 1e-4) {
      self.learningRate = learningRate
      self.weightDecay = weightDecay
    }
  }

  public let settings: Settings
  /// First and second moments, laid out as the parameters.
  public let firstMoment: Storage<R>
  public let secondMoment: Storage<R>
  /// Updates done: the exponent of the bias corrections.
  public var updateCount = 0

  public init(_ settings: Settings, parameterCount: Int) {
    self.settings = settings
    firstMoment = Storage(count: parameterCount)
    secondMoment = Storage(count: parameterCount)
  }

  /// One update of the elements in `range`; the others, which have no gradient, keep their values undecayed.
  ///
  /// - Parameter learningRate: of this update; nil: the settings'.
  public func update(
    _ parameters: UnsafeMutablePointer<R>, along gradient: UnsafePointer<R>, _ range: Range<Int>,
    lanes: Int, learningRate: Double? = nil
  ) {
    updateCount += 1
    let rate = R(learningRate ?? settings.learningRate)
    let power = Double(updateCount)
    let correction1 = 1 - pow(settings.beta1, power)
    let correction2 = 1 - pow(settings.beta2, power)
    inLanes(lanes) { lane in
      let part = share(of: range.count, lane: lane, lanes: lanes, grain: 16)
      let start = range.lowerBound + part.lowerBound
      R.adamw(
        part.count, rate, R(settings.weightDecay), R(settings.beta1),
        R(settings.beta2),
        R(settings.epsilon), R(correction1), R(correction2), gradient + start,
        firstMoment.base + start,
        secondMoment.base + start, parameters + start)
    }
  }
}
