// An early look at collapse: in how many directions the encoder's features spread.

import Glibc
import Networks
import TensorCore

/// Effective rank (Roy and Vetterli 2007) of a batch's frozen features: exp of the entropy of their singular values,
/// centred, as shares of their sum. Between 0 (all samples alike) and the smaller of batch - 1 and width.
final class FeatureRank: @unchecked Sendable {
  private let extractor: FeatureExtractor<Float>
  private let count: Int
  private let features: Storage<Float>
  /// The features in double, centred; their products; eigenvalues and LAPACK's room.
  private let centred: Storage<Double>
  private let products: Storage<Double>
  private let values: Storage<Double>
  private let work: Storage<Double>

  /// - Parameter tokens: the batch under training, read as it is when `measure` is called.
  init(
    _ network: Network, _ parameters: ParameterBuffer<Float>, tokens: TokenBatch<Float>, lanes: Int
  ) {
    extractor = FeatureExtractor(
      network, parameters, capacity: tokens.capacity, lanes: lanes, tokens: tokens)
    count = tokens.capacity
    let width = extractor.width
    let side = min(count, width)
    features = Storage(count: count * width)
    centred = Storage(count: count * width)
    products = Storage(count: side * side)
    values = Storage(count: side)
    work = Storage(count: 34 * side)
  }

  func measure() -> Double {
    extractor.pooled(count: count, into: features.base)
    return Self.rank(
      features.base, count, extractor.width, centred: centred.base, products: products.base,
      values: values.base, work: work.buffer)
  }

  /// - Parameter features: [count, width].
  static func rank(
    _ features: UnsafePointer<Float>, _ count: Int, _ width: Int,
    centred: UnsafeMutablePointer<Double>, products: UnsafeMutablePointer<Double>,
    values: UnsafeMutablePointer<Double>, work: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    // 1. centre, and note the size of what was centred
    var square = 0.0
    for c in 0..<width {
      var mean = 0.0
      for r in 0..<count { mean += Double(features[r * width + c]) }
      mean /= Double(count)
      for r in 0..<count {
        let value = Double(features[r * width + c])
        square += value * value
        centred[r * width + c] = value - mean
      }
    }
    // 2. the smaller of X X^T and X^T X: same eigenvalues but zeros
    let byRows = count <= width
    let side = min(count, width)
    Double.gemm(
      !byRows, byRows, side, side, max(count, width), 1, centred, width, centred, width, 0,
      products, side)
    guard BLAS.eigenvalues(side, products, values, work: work) else { return .nan }
    // 3. singular values above what rounding in float leaves of a constant
    let floor = square * 0x1p-42
    var sum = 0.0
    for i in 0..<side {
      values[i] = values[i] > floor ? values[i].squareRoot() : 0
      sum += values[i]
    }
    guard sum > 0 else { return 0 }
    // 4. exp of the entropy of their shares
    var entropy = 0.0
    for i in 0..<side where values[i] > 0 { entropy -= values[i] / sum * log(values[i] / sum) }
    return exp(entropy)
  }
}
