// kernel/...: the parts of a step alone, each lane on rows of its own as in a step: products in the shapes of the
// presets' blocks, attention, layer norm, GELU, softmax, AdamW.

import Basics
import Experiments
import Networks
import Optimizers
import TensorCore

enum KernelCases {
  static var all: [BenchCase] { products + elementwise }

  /// Rows one lane takes through a layer at once.
  private static let rows = 1040

  // MARK: products

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
      "kernel/product/\(product.rawValue)/\(out)x\(width)", operations: 2 * rows * out * width
    ) {
      let scratch = Arena<Float>()
      let x = random(rows, width)
      let y = random(rows, out)
      let weight = random(out, width)
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

  // MARK: elementwise

  private static var elementwise: [BenchCase] {
    let n = rows * 256
    return [
      repeated("kernel/layernorm/256", values: n) {
        let (x, y, kept) = (random(rows, 256), random(rows, 256), random(rows, 256))
        let (gamma, beta, reciprocal) = (random(1, 256), random(1, 256), random(1, rows))
        return {
          Float.layernorm(
            rows, 256, x.matrix.base, gamma.matrix.base, beta.matrix.base, 1e-5, kept.matrix.base,
            reciprocal.matrix.base, y.matrix.base)
        }
      },
      repeated("kernel/gelu/256", values: n) {
        let (x, y, bias) = (random(rows, 256), random(rows, 256), Matrix128.zeros(256))
        return { Float.gelu(rows, 256, x.matrix.base, bias.base, y.matrix.base) }
      },
      repeated("kernel/softmax/65", values: rows * 65) {
        let x = random(rows, 80)
        return { Float.softmax(rows, 65, 80, 1, x.matrix.base) }
      },
    ]
  }

  private enum Matrix128 {
    static func zeros(_ count: Int) -> Storage<Float> { Storage(count: count) }
  }

  // MARK: helpers

  /// A matrix with memory of its own.
  private struct Block {
    let storage: Storage<Float>
    let matrix: Matrix<Float>
  }

  private static func random(_ rows: Int, _ columns: Int) -> Block {
    let storage = Storage<Float>(count: rows * columns)
    var stream = RandomStream(RandomKey(seed: 0, "bench", UInt64(rows), UInt64(columns)))
    for i in 0..<storage.count { storage.base[i] = Float(stream.normal()) }
    return Block(storage: storage, matrix: Matrix(storage.base, rows, columns))
  }

  /// A kernel run 50 times in each lane a repetition, each lane with its own operands.
  private static func repeated(
    _ name: String, operations: Int? = nil, values: Int? = nil,
    _ prepare: @escaping () -> () -> Void
  ) -> BenchCase {
    let (times, lanes) = (50, availableCores)
    let factor = Double(times * lanes)
    return BenchCase(
      name: name, operations: operations.map { factor * Double($0) },
      samples: values.map { factor * Double($0) }, repetitions: 15
    ) {
      let work = (0..<lanes).map { _ in prepare() }
      return { inLanes(lanes) { lane in for _ in 0..<times { work[lane]() } } }
    }
  }
}
