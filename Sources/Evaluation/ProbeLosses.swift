// The three losses of a linear head, each fused with its gradient: the outputs are overwritten by the gradient with
// respect to them. Used by the paper's probe and by the converged one.

import Glibc

/// What a head is trained towards.
public enum ProbeTargets: Equatable, Sendable {
  /// Labels and the number of classes: softmax cross-entropy; for two classes one output, binary cross-entropy.
  case classes([Int32], count: Int)
  /// Mean squared error.
  case values([Float])

  public var outputCount: Int {
    if case .classes(_, let count) = self, count > 2 { count } else { 1 }
  }

  public var count: Int {
    switch self {
    case .classes(let labels, _): labels.count
    case .values(let values): values.count
    }
  }
}

/// Softmax cross-entropy of `rows` rows of logits; `z` becomes (softmax - one-hot) * scale.
/// - Returns: the sum of the rows' losses, unscaled.
func softmaxCrossEntropy(
  rows: Int, classes: Int, _ z: UnsafeMutablePointer<Float>, _ labels: UnsafePointer<Int32>,
  scale: Float
) -> Double {
  var total = 0.0
  for r in 0..<rows {
    let row = z + r * classes
    // 1. row maximum
    var top = row[0]
    for c in 1..<classes where row[c] > top { top = row[c] }
    let own = row[Int(labels[r])] - top
    // 2. exponentials
    var sum: Float = 0
    for c in 0..<classes {
      let e = expf(row[c] - top)
      row[c] = e
      sum += e
    }
    total += Double(logf(sum) - own)
    // 3. gradient
    let factor = scale / sum
    for c in 0..<classes { row[c] *= factor }
    row[Int(labels[r])] -= scale
  }
  return total
}

/// Binary cross-entropy of one logit a row, label 0 or 1; `z` becomes (sigmoid - label) * scale.
/// - Returns: the sum of the rows' losses, unscaled.
func binaryCrossEntropy(
  rows: Int, _ z: UnsafeMutablePointer<Float>, _ labels: UnsafePointer<Int32>, scale: Float
) -> Double {
  var total = 0.0
  for r in 0..<rows {
    let label = Float(labels[r])
    let e = expf(-abs(z[r]))
    total += Double(max(z[r], 0) - z[r] * label + log1pf(e))
    let sigmoid = z[r] >= 0 ? 1 / (1 + e) : e / (1 + e)
    z[r] = (sigmoid - label) * scale
  }
  return total
}

/// Squared error of one output a row; `z` becomes 2 (z - value) * scale.
/// - Returns: the sum of the rows' losses, unscaled.
func squaredError(
  rows: Int, _ z: UnsafeMutablePointer<Float>, _ values: UnsafePointer<Float>, scale: Float
) -> Double {
  var total = 0.0
  for r in 0..<rows {
    let difference = z[r] - values[r]
    total += Double(difference) * Double(difference)
    z[r] = 2 * difference * scale
  }
  return total
}
