// The k nearest neighbours as a probe without training: cosine similarity of the features, votes weighted by
// exp(similarity / 0.07), as is usual for self-supervised features (Wu et al. 2018).

import Basics
import Glibc
import TensorCore

/// What the neighbours of each test sample say.
///
/// - Parameter neighbours: k; the whole training set when that is smaller.
/// - Returns: for classes the winning class of each test sample (the smaller of equals), for regression the weighted
///   mean, as outputs of one column.
/// - Throws: usage for per-token tasks, whose millions of rows this is not made for.
/// - Complexity: 2 x test x train x width operations; memory for 256 rows of similarities and both sets normalised.
public func nearestNeighbourPredictions(
  train: FeatureSet, test: FeatureSet, task: EvaluationTask, neighbours: Int = 20,
  temperature: Float = 0.07
) throws -> Labels {
  if case .tokenClasses = task.kind {
    throw Failure(
      .usage, at: "--probe", "knn is not offered for per-token tasks",
      remedy: "Take --probe paper or --probe lbfgs.")
  }
  let width = train.width
  let (rows, count) = (test.sampleCount, train.sampleCount)
  let known = normalised(train.features, width: width)
  let asked = normalised(test.features, width: width)
  let k = min(neighbours, count)
  let block = 256
  var similarities = [Float](repeating: 0, count: min(block, rows) * count)
  var classes: [Int32] = []
  var values: [Float] = []
  var votes = [Float](repeating: 0, count: max(task.classCount, 1))
  for start in stride(from: 0, to: rows, by: block) {
    let n = min(block, rows - start)
    asked.withUnsafeBufferPointer { asked in
      Float.gemm(
        false, true, n, count, width, 1, asked.baseAddress! + start * width, width, known, width, 0,
        &similarities, count)
    }
    for r in 0..<n {
      let near = similarities.withUnsafeBufferPointer {
        largest(k, of: UnsafeBufferPointer(rebasing: $0[r * count..<(r + 1) * count]))
      }
      switch train.labels {
      case .classes(let labels):
        for c in votes.indices { votes[c] = 0 }
        // The similarity of unit vectors is at most 1: no exponential above 1.
        for (i, s) in near { votes[Int(labels[i])] += expf((s - 1) / temperature) }
        classes.append(
          Int32(votes.indices.max { votes[$0] < votes[$1] || (votes[$0] == votes[$1] && $0 > $1) }!)
        )
      case .values(let labels):
        var (sum, weights): (Float, Float) = (0, 0)
        for (i, s) in near {
          let weight = expf((s - 1) / temperature)
          sum += weight * labels[i]
          weights += weight
        }
        values.append(weights > 0 ? sum / weights : labels[near[0].index])
      case .none: preconditionFailure("no labels")
      }
    }
  }
  if case .classes = train.labels { return .classes(classes) }
  return .values(values)
}

/// The k largest, largest first; of equals the earlier.
private func largest(
  _ k: Int, of values: UnsafeBufferPointer<Float>
) -> [(index: Int, value: Float)] {
  var best: [(index: Int, value: Float)] = []
  best.reserveCapacity(k + 1)
  for i in 0..<values.count where best.count < k || values[i] > best[best.count - 1].value {
    var place = best.count
    while place > 0 && best[place - 1].value < values[i] { place -= 1 }
    best.insert((i, values[i]), at: place)
    if best.count > k { best.removeLast() }
  }
  return best
}

/// Rows of unit length; a zero row stays zero.
private func normalised(_ features: [Float], width: Int) -> [Float] {
  var y = features
  y.withUnsafeMutableBufferPointer { y in
    for start in stride(from: 0, to: y.count, by: width) {
      var square: Float = 0
      for c in start..<start + width { square += y[c] * y[c] }
      let scale = square > 0 ? 1 / square.squareRoot() : 0
      for c in start..<start + width { y[c] *= scale }
    }
  }
  return y
}
