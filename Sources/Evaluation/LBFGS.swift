// Limited-memory BFGS (Nocedal and Wright, algorithms 7.4 and 7.5) for smooth convex functions of a few thousand
// numbers. The line search brackets a weak Wolfe step; near the minimum, where the value's rounding hides its
// decrease, it accepts by slopes alone (Hager and Zhang's approximate Wolfe conditions).

/// What a minimisation came to.
public struct Minimum: Equatable, Sendable {
  public var value: Double
  /// The largest element of the gradient, in size.
  public var slope: Double
  public var iterations: Int
  /// The slope is within the tolerance. False: the iterations ran out, or no step led down any more.
  public var isConverged: Bool
}

public struct LBFGS: Sendable {
  /// Pairs of steps and gradient changes that stand for the curvature.
  public var memory = 10
  /// Stop when no element of the gradient is larger.
  public var tolerance: Double
  public var iterationLimit: Int

  public init(tolerance: Double = 1e-5, iterationLimit: Int = 1000) {
    self.tolerance = tolerance
    self.iterationLimit = iterationLimit
  }

  /// Moves `x` to a minimum.
  /// - Parameter function: the value at a point; writes the gradient there.
  public func minimise(
    _ x: inout [Double], _ function: (_ x: [Double], _ gradient: inout [Double]) -> Double
  ) -> Minimum {
    var gradient = [Double](repeating: 0, count: x.count)
    var value = function(x, &gradient)
    var pairs: [Pair] = []
    var iterations = 0
    while iterations < iterationLimit && largest(gradient) > tolerance {
      var direction = descent(gradient, pairs)
      if dot(direction, gradient) >= 0 {
        pairs.removeAll()
        direction = gradient.map { -$0 }
      }
      let first = pairs.isEmpty ? min(1, 1 / dot(gradient, gradient).squareRoot()) : 1
      let before = (x: x, gradient: gradient)
      guard
        let found = lineSearch(&x, &gradient, value, along: direction, first: first, function)
      else {
        (x, gradient) = before
        // Without memory nothing is left to try; with it, start again from the plain gradient.
        if pairs.isEmpty { break }
        pairs.removeAll()
        iterations += 1
        continue
      }
      value = found
      let pair = Pair(
        step: zip(x, before.x).map { $0 - $1 },
        change: zip(gradient, before.gradient).map { $0 - $1 })
      if pair.curvature > 0 { pairs.append(pair) }
      if pairs.count > memory { pairs.removeFirst() }
      iterations += 1
    }
    let slope = largest(gradient)
    return Minimum(
      value: value, slope: slope, iterations: iterations, isConverged: slope <= tolerance)
  }

  /// s, y and what is needed of them.
  private struct Pair {
    let step, change: [Double]
    let curvature: Double

    init(step: [Double], change: [Double]) {
      self.step = step
      self.change = change
      curvature = dot(step, change)
    }
  }

  /// - H g by the two-loop recursion, H from the pairs, scaled by the newest.
  private func descent(_ gradient: [Double], _ pairs: [Pair]) -> [Double] {
    var q = gradient
    var coefficients = [Double](repeating: 0, count: pairs.count)
    for i in pairs.indices.reversed() {
      coefficients[i] = dot(pairs[i].step, q) / pairs[i].curvature
      add(-coefficients[i], pairs[i].change, to: &q)
    }
    if let last = pairs.last {
      let scale = last.curvature / dot(last.change, last.change)
      for i in q.indices { q[i] *= scale }
    }
    for i in pairs.indices {
      let b = dot(pairs[i].change, q) / pairs[i].curvature
      add(coefficients[i] - b, pairs[i].step, to: &q)
    }
    for i in q.indices { q[i] = -q[i] }
    return q
  }

  /// Moves `x` and `gradient` to an acceptable point along the direction.
  /// - Returns: the value there; nil when the bracket closed without one.
  private func lineSearch(
    _ x: inout [Double], _ gradient: inout [Double], _ value: Double, along direction: [Double],
    first: Double, _ function: (_ x: [Double], _ gradient: inout [Double]) -> Double
  ) -> Double? {
    let (decrease, curvature, noise) = (1e-4, 0.9, 1e-7 * abs(value))
    let start = x
    let slope = dot(gradient, direction)
    var (low, high, length) = (0.0, Double.infinity, first)
    for _ in 0..<40 {
      for i in x.indices { x[i] = start[i] + length * direction[i] }
      let there = function(x, &gradient)
      let slopeThere = dot(gradient, direction)
      let isLower = there <= value + decrease * length * slope
      let isLevel = there <= value + noise && slopeThere <= (2 * decrease - 1) * slope
      if !there.isFinite || !(isLower || isLevel) {
        high = length
      } else if slopeThere < curvature * slope {
        low = length
      } else {
        return there
      }
      length = high.isFinite ? (low + high) / 2 : 2 * low
    }
    return nil
  }
}

private func largest(_ v: [Double]) -> Double { v.reduce(0) { max($0, abs($1)) } }

private func dot(_ a: [Double], _ b: [Double]) -> Double {
  var sum = 0.0
  for i in a.indices { sum += a[i] * b[i] }
  return sum
}

private func add(_ factor: Double, _ a: [Double], to b: inout [Double]) {
  for i in a.indices { b[i] += factor * a[i] }
}
