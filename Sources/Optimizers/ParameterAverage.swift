// A running mean of the parameters (EMA), kept beside them: mean += (1 - d) (parameters - mean) after each update. While
// few updates are done, d is smaller, min(decay, (1 + n) / (10 + n)), so that the initial values are soon forgotten.

import TensorCore

public final class ParameterAverage<R: Real>: @unchecked Sendable {
  public let values: Storage<R>
  public let decay: Double

  /// Starts from the parameters as they are.
  public init(of parameters: UnsafePointer<R>, count: Int, decay: Double) {
    values = Storage(count: count)
    values.base.update(from: parameters, count: count)
    self.decay = decay
  }

  /// - Parameter updates: done so far, the last one included.
  public func update(towards parameters: UnsafePointer<R>, updates: Int, lanes: Int) {
    let n = Double(updates)
    let d = min(decay, (1 + n) / (10 + n))
    inLanes(lanes) { lane in
      let part = share(of: values.count, lane: lane, lanes: lanes, grain: 16)
      let mean = values.base + part.lowerBound
      R.scale(part.count, R(d), mean)
      R.axpy(part.count, R(1 - d), parameters + part.lowerBound, mean)
    }
  }
}
