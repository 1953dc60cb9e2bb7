import Testing

@testable import Evaluation

/// Adam hides a gradient's scale, so the golden cases cannot see it: each loss against central differences.
@Suite struct ProbeLossesTests {
  /// - Parameter loss: overwrites the outputs by their gradient, returns the unscaled loss.
  private func check(_ outputs: [Float], _ loss: (inout [Float]) -> Double) {
    var gradient = outputs
    _ = loss(&gradient)
    for i in outputs.indices {
      var (up, down) = (outputs, outputs)
      up[i] += 0.01
      down[i] -= 0.01
      let slope = (loss(&up) - loss(&down)) / 0.02
      #expect(abs(Double(gradient[i]) - 0.5 * slope) < 2e-4, "output \(i)")
    }
  }

  @Test func gradientsAreTheLosses() {
    check([0.3, -1.2, 2, 0.1, 0.4, -0.7]) {
      softmaxCrossEntropy(rows: 2, classes: 3, &$0, [2, 0], scale: 0.5)
    }
    check([-2, -0.1, 0.5, 3]) { binaryCrossEntropy(rows: 4, &$0, [1, 0, 1, 0], scale: 0.5) }
    check([-2, 0.5]) { squaredError(rows: 2, &$0, [1, 0.25], scale: 0.5) }
  }

  /// Large logits neither overflow nor lose the loss.
  @Test func extremesAreFinite() {
    var z: [Float] = [1000, -1000]
    #expect(softmaxCrossEntropy(rows: 1, classes: 2, &z, [1], scale: 1) == 2000)
    #expect(z == [1, -1])
    z = [1000, -1000]
    #expect(binaryCrossEntropy(rows: 2, &z, [0, 1], scale: 1) == 2000)
    #expect(z == [1, -1])
  }
}
