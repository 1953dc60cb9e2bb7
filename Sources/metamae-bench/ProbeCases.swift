// probe/...: the linear probe on features in memory.

import Basics
import Evaluation
import TensorCore

enum ProbeCases {
  static var all: [BenchCase] {
    [paper(samples: 50_000, width: 256, classes: 12), scoring(samples: 10_000, width: 256)]
  }

  /// 100 epochs of the paper's probe, batch 256: what one `metamae-eval` seed takes once it has features.
  private static func paper(samples: Int, width: Int, classes: Int) -> BenchCase {
    let (epochs, batch) = (100, 256)
    return BenchCase(
      name: "probe/paper/\(samples)x\(width)x\(classes)",
      operations: Double(epochs * (samples / batch) * batch) * Double(4 * width * classes),
      samples: Double(epochs * samples), warmups: 0, repetitions: 3
    ) {
      let (x, y) = clusters(samples: samples, width: width, classes: classes)
      return {
        let head = try trainProbe(
          from: LinearHead(width: width, outputCount: classes, seed: 0), features: x,
          targets: .classes(y, count: classes),
          settings: ProbeSettings(epochs: epochs, batch: batch),
          order: { probeOrder(samples: samples, seed: 0, epoch: $0) })
        let predicted = predictedClasses(head.outputs(for: x), outputCount: classes)
        let right = zip(predicted, y).count { $0 == $1 }
        guard right > samples / 2 else {
          throw Failure(.internalError, at: "probe", "only \(right) of \(samples) were learned")
        }
      }
    }
  }

  /// What follows each epoch: outputs and predictions of a test split, a hundred times.
  private static func scoring(samples: Int, width: Int) -> BenchCase {
    let (classes, times) = (12, 100)
    return BenchCase(
      name: "probe/outputs/\(samples)x\(width)x\(classes)",
      operations: Double(times * samples * 2 * width * classes), samples: Double(times * samples)
    ) {
      let (x, _) = clusters(samples: samples, width: width, classes: classes)
      let head = LinearHead(width: width, outputCount: classes, seed: 0)
      return {
        for _ in 0..<times { _ = predictedClasses(head.outputs(for: x), outputCount: classes) }
      }
    }
  }

  /// Normal features around one centre a class.
  private static func clusters(samples: Int, width: Int, classes: Int) -> ([Float], [Int32]) {
    let noise = RandomMatrix(samples, width)
    let centres = RandomMatrix(classes, width, scale: 0.5)
    let labels = (0..<samples).map { Int32($0 % classes) }
    var x = [Float](repeating: 0, count: samples * width)
    for i in 0..<samples {
      for j in 0..<width {
        x[i * width + j] = noise.base[i * width + j] + centres.base[i % classes * width + j]
      }
    }
    return (x, labels)
  }
}
