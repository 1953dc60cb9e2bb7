// Converged linear models on standardised features: multinomial logistic regression (one output for two classes) by
// L-BFGS, ridge regression by its normal equations. Penalty: l2 / 2 times the squared weights, the bias free, beside
// the mean loss; scikit-learn's C is 1 / (l2 * rows), its Ridge's alpha l2 * rows.

import Basics
import Glibc
import TensorCore

/// A fitted head and how the fit went.
public struct ConvergedFit: Sendable {
  public var head: LinearHead
  public var minimum: Minimum
}

/// Fits the head that minimises mean loss + l2 / 2 |W|^2.
///
/// - Parameters:
///   - features: standardised, rows x width, row-major.
///   - start: where the search starts (a neighbour's solution); zeros without.
/// - Complexity: 4 x rows x width x outputs operations an iteration; for regression rows x width^2 once.
public func fitConverged(
  features: [Float], width: Int, targets: ProbeTargets, l2: Double, from start: LinearHead? = nil,
  tolerance: Double = 1e-5, iterationLimit: Int = 1000
) -> ConvergedFit {
  precondition(l2 > 0 && targets.count * width == features.count && targets.count > 0)
  switch targets {
  case .values(let values):
    return RidgeSystem(features: features, width: width, values: values).solve(l2: l2)
  case .classes:
    return features.withUnsafeBufferPointer { x in
      let objective = LogisticObjective(x, width: width, targets, l2: l2)
      var point =
        start.map { $0.parameters.map(Double.init) }
        ?? [Double](repeating: 0, count: (width + 1) * targets.outputCount)
      let minimum = LBFGS(tolerance: tolerance, iterationLimit: iterationLimit)
        .minimise(&point) { objective.value(at: $0, gradient: &$1) }
      let split = width * targets.outputCount
      return ConvergedFit(
        head: LinearHead(
          width: width, outputCount: targets.outputCount, weight: point[..<split].map(Float.init),
          bias: point[split...].map(Float.init)),
        minimum: minimum)
    }
  }
}

/// Mean cross-entropy + l2 / 2 |W|^2 and its gradient. Products in Float, sums over blocks of rows in Double.
private final class LogisticObjective {
  private let x: UnsafeBufferPointer<Float>
  private let width: Int
  private let rows: Int
  private let outputs: Int
  private let labels: [Int32]
  private let l2: Double
  private let block = 1024
  private let parameters: UnsafeMutablePointer<Float>
  private let logits, partial: UnsafeMutablePointer<Float>
  private let sums: UnsafeMutablePointer<Double>
  private let count: Int

  init(_ x: UnsafeBufferPointer<Float>, width: Int, _ targets: ProbeTargets, l2: Double) {
    guard case .classes(let labels, _) = targets else { preconditionFailure("classes") }
    self.x = x
    self.width = width
    self.labels = labels
    self.l2 = l2
    rows = labels.count
    outputs = targets.outputCount
    count = (width + 1) * outputs
    parameters = .allocate(capacity: count)
    logits = .allocate(capacity: probeLanes * block * outputs)
    partial = .allocate(capacity: probeLanes * width * outputs)
    sums = .allocate(capacity: probeLanes * (count + 1))
  }

  deinit {
    parameters.deallocate()
    logits.deallocate()
    partial.deallocate()
    sums.deallocate()
  }

  func value(at point: [Double], gradient: inout [Double]) -> Double {
    for i in 0..<count { parameters[i] = Float(point[i]) }
    nonisolated(unsafe) let objective = self
    let lanes = rows > block ? probeLanes : 1
    inLanes(lanes) { lane in
      objective.accumulate(
        share(of: objective.rows, lane: lane, lanes: lanes, grain: objective.block), lane)
    }
    var total = 0.0
    for i in 0..<count { gradient[i] = 0 }
    for lane in 0..<lanes {
      let own = sums + lane * (count + 1)
      for i in 0..<count { gradient[i] += own[i] }
      total += own[count]
    }
    let weight = 1 / Double(rows)
    var squares = 0.0
    for i in 0..<count { gradient[i] *= weight }
    for i in 0..<width * outputs {
      gradient[i] += l2 * point[i]
      squares += point[i] * point[i]
    }
    return total * weight + l2 / 2 * squares
  }

  /// Sums of a lane's rows: gradient, then loss.
  private func accumulate(_ range: Range<Int>, _ lane: Int) {
    let own = sums + lane * (count + 1)
    own.update(repeating: 0, count: count + 1)
    let z = logits + lane * block * outputs
    let part = partial + lane * width * outputs
    let bias = own + width * outputs
    var start = range.lowerBound
    while start < range.upperBound {
      let n = min(block, range.upperBound - start)
      let rows = x.baseAddress! + start * width
      headForward(rows: n, width, outputs, rows, parameters, z)
      own[count] += labels.withUnsafeBufferPointer { labels in
        outputs > 1
          ? softmaxCrossEntropy(
            rows: n, classes: outputs, z, labels.baseAddress! + start, scale: 1)
          : binaryCrossEntropy(rows: n, z, labels.baseAddress! + start, scale: 1)
      }
      Float.gemm(true, false, outputs, width, n, 1, z, outputs, rows, width, 0, part, width)
      for i in 0..<width * outputs { own[i] += Double(part[i]) }
      for i in 0..<n { for c in 0..<outputs { bias[c] += Double(z[i * outputs + c]) } }
      start += n
    }
  }
}

/// Ridge regression: (X'X / n + l2 I) w = X'y / n on centred columns, by Cholesky in Double.
struct RidgeSystem {
  private let width: Int
  private var gram: [Double]
  private var moment: [Double]
  private var featureMean: [Double]
  private var valueMean: Double

  init(features: [Float], width: Int, values: [Float]) {
    self.width = width
    let rows = values.count
    valueMean = values.reduce(0.0) { $0 + Double($1) } / Double(rows)
    featureMean = [Double](repeating: 0, count: width)
    gram = [Double](repeating: 0, count: width * width)
    moment = [Double](repeating: 0, count: width)
    for r in 0..<rows {
      for c in 0..<width { featureMean[c] += Double(features[r * width + c]) / Double(rows) }
    }
    let block = 1024
    var part = [Double](repeating: 0, count: block * width)
    for start in stride(from: 0, to: rows, by: block) {
      let n = min(block, rows - start)
      for r in 0..<n {
        for c in 0..<width {
          part[r * width + c] = Double(features[(start + r) * width + c]) - featureMean[c]
        }
      }
      let wanted = values[start..<start + n].map { Double($0) - valueMean }
      let share = 1 / Double(rows)
      Double.gemm(true, false, width, width, n, share, part, width, part, width, 1, &gram, width)
      Double.gemm(true, false, width, 1, n, share, part, width, wanted, 1, 1, &moment, 1)
    }
  }

  func solve(l2: Double) -> ConvergedFit {
    var a = gram
    for i in 0..<width { a[i * width + i] += l2 }
    // 1. a = L L'
    for j in 0..<width {
      for k in 0..<j {
        let factor = a[j * width + k]
        for i in j..<width { a[i * width + j] -= a[i * width + k] * factor }
      }
      let pivot = a[j * width + j].squareRoot()
      for i in j..<width { a[i * width + j] /= pivot }
    }
    // 2. L u = moment, 3. L' w = u
    var w = moment
    for i in 0..<width {
      for k in 0..<i { w[i] -= a[i * width + k] * w[k] }
      w[i] /= a[i * width + i]
    }
    for i in (0..<width).reversed() {
      for k in i + 1..<width { w[i] -= a[k * width + i] * w[k] }
      w[i] /= a[i * width + i]
    }
    var slope = 0.0
    for i in 0..<width {
      var residual = l2 * w[i] - moment[i]
      for k in 0..<width { residual += gram[i * width + k] * w[k] }
      slope = max(slope, abs(residual))
    }
    let bias = valueMean - zip(w, featureMean).reduce(0) { $0 + $1.0 * $1.1 }
    return ConvergedFit(
      head: LinearHead(
        width: width, outputCount: 1, weight: w.map(Float.init), bias: [Float(bias)]),
      minimum: Minimum(value: .nan, slope: slope, iterations: 1, isConverged: slope.isFinite))
  }
}
