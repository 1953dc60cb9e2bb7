// kernel/layernorm, gelu, softmax, cross-entropy, adamw: values a second, and for AdamW, which waits for memory, bytes a
// second. DerivativeTests and the golden cases hold their results.

import Basics
import Glibc
import Optimizers
import TensorCore

func exponential(_ x: Double) -> Double { exp(x) }

extension KernelCases {
  static var elementwise: [BenchCase] {
    [256, 128].flatMap { layerNorm(width: $0) } + [512, 256].flatMap { gelu(width: $0) }
      + [softmax, crossEntropy, adamW]
  }

  private static func layerNorm(width: Int) -> [BenchCase] {
    func operands() -> (x: RandomMatrix, y: RandomMatrix, kept: RandomMatrix) {
      (RandomMatrix(rows, width), RandomMatrix(rows, width), RandomMatrix(rows, width))
    }
    return [
      repeated("kernel/layernorm/forward/\(width)", values: rows * width) {
        let (x, y, kept) = operands()
        let (gamma, beta, reciprocal) = (
          RandomMatrix(1, width), RandomMatrix(1, width), RandomMatrix(1, rows)
        )
        return {
          Float.layernorm(
            rows, width, x.base, gamma.base, beta.base, 1e-5, kept.base, reciprocal.base, y.base)
        }
      },
      repeated("kernel/layernorm/backward/\(width)", values: rows * width) {
        let (dx, dy, kept) = operands()
        let (gamma, reciprocal) = (RandomMatrix(1, width), RandomMatrix(1, rows))
        let (dgamma, dbeta) = (RandomMatrix(1, width), RandomMatrix(1, width))
        return {
          Float.layernormBackward(
            rows, width, dy.base, kept.base, reciprocal.base, gamma.base, dx.base)
          Float.layernormAccumulate(rows, width, dy.base, kept.base, dgamma.base, dbeta.base)
        }
      },
    ]
  }

  private static func gelu(width: Int) -> [BenchCase] {
    [
      repeated("kernel/gelu/forward/\(width)", values: rows * width) {
        let (h, a) = (RandomMatrix(rows, width), RandomMatrix(rows, width))
        let noBias = RandomMatrix(1, width, scale: 0)
        return { Float.gelu(rows, width, h.base, noBias.base, a.base) }
      },
      repeated("kernel/gelu/backward/\(width)", values: rows * width) {
        let (h, da, dh) = (
          RandomMatrix(rows, width), RandomMatrix(rows, width), RandomMatrix(rows, width)
        )
        return { Float.geluBackward(rows * width, h.base, da.base, dh.base, nil) }
      },
    ]
  }

  /// Rows of 65 scores, as attention over the 64 tokens of most presets has them.
  private static var softmax: BenchCase {
    repeated("kernel/softmax/65", values: rows * 65) {
      let scores = RandomMatrix(rows, 80)
      return { Float.softmax(rows, 65, 80, 1, scores.base) }
    }
  }

  /// Loss and gradient over mscoco's vocabulary.
  private static var crossEntropy: BenchCase {
    let (rows, classes) = (64, 30_522)
    return repeated("kernel/cross-entropy/30522", values: rows * classes, times: 4) {
      let logits = RandomMatrix(rows, classes)
      let index = Array(0..<Int32(rows))
      return {
        _ = Float.crossEntropy(rows, classes, index, index, 1, logits.base, nil)
      }
    }
  }

  /// One update of 7 million parameters, over all lanes: four arrays read, three written.
  private static var adamW: BenchCase {
    let count = 7_000_000
    return BenchCase(
      name: "kernel/adamw/7000000", values: Double(count), bytes: Double(7 * 4 * count),
      repetitions: 15
    ) {
      let (parameters, gradient) = (
        RandomMatrix(1, count, scale: 0.02), RandomMatrix(1, count, scale: 1e-3)
      )
      let optimizer = AdamW<Float>(.init(), parameterCount: count)
      return {
        optimizer.update(parameters.base, along: gradient.base, 0..<count, lanes: availableCores)
      }
    }
  }
}
