// kernel/...: the parts of a step alone, each lane on rows of its own as in a step. Here the products in the shapes of
// the presets' blocks, and what all kernel cases share; attention and the elementwise kernels have files of their own.

import Basics
import TensorCore

enum KernelCases {
  static var all: [BenchCase] { products + attention + elementwise }

  /// Rows one lane takes through a layer at once.
  static let rows = 1040

  private enum Product: String, CaseIterable {
    /// y = x W^T.
    case forward
    /// dx = dy W.
    case backward
    /// dW += dy^T x.
    case weights
  }

  private static var products: [BenchCase] {
    [(256, 256), (512, 256), (256, 512), (128, 128), (256, 128), (128, 256), (64, 128)].flatMap {
      shape in Product.allCases.map { product($0, out: shape.0, in: shape.1) }
    }
  }

  private static func product(_ product: Product, out: Int, in width: Int) -> BenchCase {
    repeated(
      "kernel/product/\(product.rawValue)/\(out)x\(width)",
      operations: Double(2 * rows * out * width)
    ) {
      let scratch = Arena<Float>()
      let x = RandomMatrix(rows, width)
      let y = RandomMatrix(rows, out)
      let weight = RandomMatrix(out, width)
      return {
        switch product {
        case .forward: scratch.multiply(x.matrix, weight.matrix.transposed, into: y.matrix)
        case .backward: scratch.multiply(y.matrix, weight.matrix, into: x.matrix)
        case .weights:
          scratch.multiply(y.matrix.transposed, x.matrix, into: weight.matrix, adding: 1e-6)
        }
      }
    }
  }

  /// A kernel run `times` times in each lane a repetition, each lane with its own operands.
  /// - Parameter operations, values, bytes: of one run of the kernel.
  static func repeated(
    _ name: String, operations: Double? = nil, values: Int? = nil, bytes: Int? = nil,
    times: Int = 50, _ prepare: @escaping () throws -> () -> Void
  ) -> BenchCase {
    let lanes = availableCores
    let factor = Double(times * lanes)
    return BenchCase(
      name: name, operations: operations.map { factor * $0 },
      values: values.map { factor * Double($0) }, bytes: bytes.map { factor * Double($0) },
      repetitions: 15
    ) {
      let work = try (0..<lanes).map { _ in try prepare() }
      return { inLanes(lanes) { lane in for _ in 0..<times { work[lane]() } } }
    }
  }
}

/// Standard normal numbers with memory of their own.
struct RandomMatrix {
  private let storage: Storage<Float>
  let matrix: Matrix<Float>
  var base: UnsafeMutablePointer<Float> { matrix.base }

  init(_ rows: Int, _ columns: Int, scale: Float = 1) {
    storage = Storage(count: rows * columns)
    var stream = RandomStream(RandomKey(seed: 0, "bench", UInt64(rows), UInt64(columns)))
    for i in 0..<storage.count { storage.base[i] = scale * Float(stream.normal()) }
    matrix = Matrix(storage.base, rows, columns)
  }
}
