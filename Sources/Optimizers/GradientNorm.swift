// The norm of a whole gradient, and shortening it to a bound (Pascanu et al. 2013).

import TensorCore

public final class GradientNorm<R: Real>: @unchecked Sendable {
  private let parts: Storage<Double>
  private let lanes: Int

  public init(lanes: Int) {
    self.lanes = lanes
    parts = Storage(count: lanes)
  }

  /// The Euclidean norm of the elements in `range`; the same lane count gives the same bytes.
  public func norm(_ gradient: UnsafePointer<R>, _ range: Range<Int>) -> Double {
    inLanes(lanes) { lane in
      let part = share(of: range.count, lane: lane, lanes: lanes, grain: 16)
      let start = gradient + range.lowerBound + part.lowerBound
      parts.base[lane] = R.dot(part.count, start, start)
    }
    var sum = 0.0
    for lane in 0..<lanes { sum += parts.base[lane] }
    return sum.squareRoot()
  }

  /// Shortens a gradient of norm `norm` to `bound`; a shorter one stays as it is.
  public func clip(
    _ gradient: UnsafeMutablePointer<R>, _ range: Range<Int>, norm: Double, to bound: Double
  ) {
    guard norm > bound else { return }
    inLanes(lanes) { lane in
      let part = share(of: range.count, lane: lane, lanes: lanes, grain: 16)
      R.scale(part.count, R(bound / norm), gradient + range.lowerBound + part.lowerBound)
    }
  }
}
