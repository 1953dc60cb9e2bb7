import Basics
import Testing

@testable import Evaluation

@Suite struct LinearProbeTests {
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
