// Features brought to mean 0 and variance 1 by the training set's statistics, so that one penalty suits all columns.

/// Mean and standard deviation of each feature.
public struct Standardisation: Equatable, Sendable {
  public let mean: [Float]
  /// 1 / standard deviation; 0 for a constant column, which then says nothing.
  public let scale: [Float]

  /// - Parameter features: rows x width, row-major; at least one row.
  public init(of features: [Float], width: Int) {
    let rows = features.count / width
    var sums = [Double](repeating: 0, count: width)
    var squares = sums
    features.withUnsafeBufferPointer { x in
      for r in 0..<rows {
        for c in 0..<width { sums[c] += Double(x[r * width + c]) }
      }
      for c in 0..<width { sums[c] /= Double(rows) }
      for r in 0..<rows {
        for c in 0..<width {
          let d = Double(x[r * width + c]) - sums[c]
          squares[c] += d * d
        }
      }
    }
    mean = sums.map(Float.init)
    scale = zip(squares, sums).map { square, mean in
      let deviation = (square / Double(rows)).squareRoot()
      // Below a float's own rounding of the mean there is no spread to speak of.
      return deviation > abs(mean) * 0x1p-22 ? Float(1 / deviation) : 0
    }
  }

  public func apply(to features: [Float]) -> [Float] {
    let width = mean.count
    return features.withUnsafeBufferPointer { x in
      mean.withUnsafeBufferPointer { mean in
        scale.withUnsafeBufferPointer { scale in
          Array(unsafeUninitializedCapacity: x.count) { y, count in
            for start in stride(from: 0, to: x.count, by: width) {
              for c in 0..<width { y[start + c] = (x[start + c] - mean[c]) * scale[c] }
            }
            count = x.count
          }
        }
      }
    }
  }

  /// The head that does on raw features what `head` does on standardised ones.
  public func unfolded(_ head: LinearHead) -> LinearHead {
    var weight = head.weight
    var bias = head.bias
    for o in 0..<head.outputCount {
      var shift = 0.0
      for c in 0..<head.width {
        weight[o * head.width + c] *= scale[c]
        shift += Double(weight[o * head.width + c]) * Double(mean[c])
      }
      bias[o] -= Float(shift)
    }
    return LinearHead(
      width: head.width, outputCount: head.outputCount, weight: weight, bias: bias)
  }
}
