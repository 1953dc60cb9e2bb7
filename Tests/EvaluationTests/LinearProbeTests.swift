import Basics
import Testing

@testable import Evaluation

@Suite struct LinearProbeTests {
  /// Order and initial head given: weights, bias, logits and metric are PyTorch's.
  @Test(.enabled(if: goldenFolder != nil)) func agreesWithPyTorch() throws {
    let cases = try ProbeCase.all()
    #expect(!cases.isEmpty)
    for (name, c) in cases {
      let classes = Int(c.metadata["classes"]!)!
      let isRegression = c.metadata["kind"] == "regression"
      let targets: ProbeTargets =
        isRegression
        ? .values(try c.floats("train.y")) : .classes(try c.integers("train.y"), count: classes)
      let order = try c.integers("order")
      let (epochs, samples) = (c.shape("order")[0], c.shape("order")[1])
      let head = try trainProbe(
        from: LinearHead(
          width: c.shape("train.x")[1], outputCount: targets.outputCount,
          weight: try c.floats("init.weight"), bias: try c.floats("init.bias")),
        features: try c.floats("train.x"), targets: targets,
        settings: ProbeSettings(
          learningRate: 1e-2, weightDecay: 1e-4, epochs: epochs, batch: Int(c.metadata["batch"]!)!),
        order: { Array(order[$0 * samples..<($0 + 1) * samples]) })
      let logits = head.outputs(for: try c.floats("test.x"))
      let task = EvaluationTask(
        isRegression ? .regression : .classes(classes),
        metric: isRegression ? .spearman : .accuracy)
      let labels: Labels =
        isRegression ? .values(try c.floats("test.y")) : .classes(try c.integers("test.y"))
      let metric = try score(logits, labels, for: task)
      #expect(relativeError(head.weight, try c.floats("weight")) < 1e-4, "\(name): weight")
      #expect(relativeError(head.bias, try c.floats("bias")) < 1e-4, "\(name): bias")
      #expect(relativeError(logits, try c.floats("logits")) < 1e-4, "\(name): logits")
      #expect(abs(metric - Double(c.metadata["metric"]!)!) < 1e-4, "\(name): metric")
    }
  }

  /// Rows of a sample are drawn together: the same as training on them as wide batches in that order.
  @Test func tokensOfASampleStayTogether() throws {
    let (samples, tokens, width) = (10, 3, 4)
    var stream = RandomStream(RandomKey(seed: 1, "tokens"))
    let x = (0..<samples * tokens * width).map { _ in Float(stream.normal()) }
    let y = (0..<samples * tokens).map { _ in Int32(stream.below(4)) }
    let start = LinearHead(width: width, outputCount: 4, seed: 3)
    let order: [Int32] = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    let together = try trainProbe(
      from: start, features: x, targets: .classes(y, count: 4), rowsPerSample: tokens,
      settings: ProbeSettings(epochs: 2, batch: 4), order: { _ in order })
    let rows = order.flatMap { s in (0..<tokens).map { s * Int32(tokens) + Int32($0) } }
    // 30 rows in batches of 12: the same two batches, six rows dropped.
    let apart = try trainProbe(
      from: start, features: x, targets: .classes(y, count: 4),
      settings: ProbeSettings(epochs: 2, batch: 12), order: { _ in rows })
    #expect(together == apart)
    #expect(together != start)
  }

  /// Lanes and their order of summing are part of the result: the same bytes each time, whatever the timing.
  @Test func isReproducible() throws {
    let (samples, width) = (600, 128)
    var stream = RandomStream(RandomKey(seed: 2, "x"))
    let x = (0..<samples * width).map { _ in Float(stream.normal()) }
    let y = (0..<samples).map { _ in Int32(stream.below(5)) }
    let heads = try (0..<3).map { _ in
      try trainProbe(
        from: LinearHead(width: width, outputCount: 5, seed: 9), features: x,
        targets: .classes(y, count: 5), settings: ProbeSettings(epochs: 1, batch: 256),
        order: { probeOrder(samples: samples, seed: 9, epoch: $0) })
    }
    #expect(heads[0] == heads[1] && heads[1] == heads[2])
  }

  @Test func ordersAreKeyedPermutations() {
    let a = probeOrder(samples: 100, seed: 1, epoch: 0)
    #expect(a.sorted() == Array(0..<100))
    #expect(a == probeOrder(samples: 100, seed: 1, epoch: 0))
    #expect(a != probeOrder(samples: 100, seed: 1, epoch: 1))
    #expect(a != probeOrder(samples: 100, seed: 2, epoch: 0))
  }

  /// PyTorch's Linear default: uniform within 1 / sqrt(width); the standard deviation is that / sqrt(3).
  @Test func initialHeadIsPyTorchsDefault() {
    let head = LinearHead(width: 400, outputCount: 50, seed: 0)
    let bound: Float = 0.05
    #expect(head.parameters.allSatisfy { abs($0) <= bound })
    let square = head.weight.reduce(0) { $0 + $1 * $1 } / Float(head.weight.count)
    #expect(abs(square.squareRoot() - bound / Float(3).squareRoot()) < 0.0005)
    #expect(head != LinearHead(width: 400, outputCount: 50, seed: 1))
  }

  @Test func oneOutputPredictsAboveOneHalf() {
    #expect(predictedClasses([-1, 0, 1e-6], outputCount: 1) == [0, 0, 1])
    #expect(predictedClasses([1, 3, 3, 0, -1, -2], outputCount: 3) == [1, 0])
  }
}
