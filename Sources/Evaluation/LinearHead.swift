// One linear layer on frozen features: its values, PyTorch's default initialisation from a keyed stream, its outputs
// and what they predict.

import Basics
import TensorCore

/// Rows of work done side by side. A constant and not the machine's core count, so that results are the same bytes
/// on any machine.
let probeLanes = 2

/// y = x W^T + b.
public struct LinearHead: Equatable, Sendable {
  public let width: Int
  public let outputCount: Int
  /// W (outputCount x width), row-major, then b (outputCount): one block, as the optimiser walks it.
  public var parameters: [Float]

  public var weight: [Float] { Array(parameters[..<(width * outputCount)]) }
  public var bias: [Float] { Array(parameters[(width * outputCount)...]) }

  public init(width: Int, outputCount: Int, weight: [Float], bias: [Float]) {
    precondition(weight.count == width * outputCount && bias.count == outputCount, "head's shape")
    self.width = width
    self.outputCount = outputCount
    parameters = weight + bias
  }

  /// PyTorch's default: weight and bias uniform within 1 / sqrt(width), from the stream (seed, "probe-init").
  public init(width: Int, outputCount: Int, seed: UInt64) {
    var stream = RandomStream(RandomKey(seed: seed, "probe-init"))
    let bound = 1 / Float(max(width, 1)).squareRoot()
    self.width = width
    self.outputCount = outputCount
    parameters = (0..<(width + 1) * outputCount).map { _ in
      (2 * stream.uniformFloat() - 1) * bound
    }
  }

  /// Outputs of every row, (rows x outputCount).
  /// - Parameter features: rows x width, row-major.
  public func outputs(for features: [Float]) -> [Float] {
    let rows = width == 0 ? 0 : features.count / width
    return features.withUnsafeBufferPointer { x in
      parameters.withUnsafeBufferPointer { p in
        Array(unsafeUninitializedCapacity: rows * outputCount) { z, initialised in
          if rows > 0 {
            applyHead(
              rows: rows, width, outputCount, x.baseAddress!, p.baseAddress!, z.baseAddress!)
          }
          initialised = rows * outputCount
        }
      }
    }
  }
}

/// z = x W^T + b for all rows, in blocks that stay in cache, over the lanes.
func applyHead(
  rows: Int, _ width: Int, _ outputs: Int, _ x: UnsafePointer<Float>, _ p: UnsafePointer<Float>,
  _ z: UnsafeMutablePointer<Float>
) {
  nonisolated(unsafe) let (x, p, z) = (x, p, z)
  let block = 512
  inLanes(rows > block ? probeLanes : 1) { lane in
    let range = share(of: rows, lane: lane, lanes: rows > block ? probeLanes : 1, grain: block)
    var start = range.lowerBound
    while start < range.upperBound {
      let count = min(block, range.upperBound - start)
      headForward(rows: count, width, outputs, x + start * width, p, z + start * outputs)
      start += count
    }
  }
}

/// z = x W^T + b for a block of rows.
@inline(__always)
func headForward(
  rows: Int, _ width: Int, _ outputs: Int, _ x: UnsafePointer<Float>, _ p: UnsafePointer<Float>,
  _ z: UnsafeMutablePointer<Float>
) {
  let bias = p + width * outputs
  for r in 0..<rows {
    let row = z + r * outputs
    for c in 0..<outputs { row[c] = bias[c] }
  }
  Float.gemm(false, true, rows, outputs, width, 1, x, width, p, width, 1, z, outputs)
}

/// The class each row of outputs predicts: the first largest, or, of one output, 1 above zero (sigmoid above 0.5).
public func predictedClasses(_ outputs: [Float], outputCount: Int) -> [Int32] {
  outputs.withUnsafeBufferPointer { z in
    if outputCount == 1 { return z.map { $0 > 0 ? 1 : 0 } }
    return (0..<z.count / outputCount).map { r in
      var best = 0
      for c in 1..<outputCount where z[r * outputCount + c] > z[r * outputCount + best] { best = c }
      return Int32(best)
    }
  }
}

/// The task's metric of a head's outputs.
func score(_ outputs: [Float], _ labels: Labels, for task: EvaluationTask) throws -> Double {
  try score(predicted: predictedLabels(outputs, for: task), labels, for: task)
}

/// A head's outputs as labels of the task.
func predictedLabels(_ outputs: [Float], for task: EvaluationTask) -> Labels {
  task.classCount > 0
    ? .classes(predictedClasses(outputs, outputCount: task.outputCount)) : .values(outputs)
}

/// The task's metric of predicted labels.
func score(predicted: Labels, _ labels: Labels, for task: EvaluationTask) throws -> Double {
  switch (predicted, labels) {
  case (.values(let predicted), .values(let values)):
    return try Metrics.spearman(predicted.map(Double.init), values.map(Double.init))
  case (.classes(let predicted), .classes(let labels)):
    switch task.metric {
    case .weightedF1: return try Metrics.weightedF1(labels: labels, predicted: predicted)
    case .tokenAccuracyUnpadded:
      var padding: Int32?
      if case .tokenClasses(_, let index) = task.kind { padding = index.map(Int32.init) }
      return try Metrics.tokenAccuracy(labels: labels, predicted: predicted, leavingOut: padding)
    default: return try Metrics.accuracy(labels: labels, predicted: predicted)
    }
  default: preconditionFailure("labels of another kind than the task's")
  }
}
