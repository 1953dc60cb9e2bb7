import Basics
import TensorCore
import Testing

@testable import Training

@Suite struct FeatureRankTests {
  private func rank(_ rows: [[Float]]) -> Double {
    let (count, width) = (rows.count, rows[0].count)
    let side = min(count, width)
    let storages = [count * width, side * side, side, 34 * side].map { Storage<Double>(count: $0) }
    return withExtendedLifetime(storages) {
      FeatureRank.rank(
        rows.flatMap { $0 }, count, width, centred: storages[0].base, products: storages[1].base,
        values: storages[2].base, work: storages[3].buffer)
    }
  }

  private func axis(_ i: Int, _ width: Int, _ size: Float = 1) -> [Float] {
    var row = [Float](repeating: 3, count: width)  // the mean is taken off
    row[i] += size
    return row
  }

  /// Points at both ends of k axes of equal length spread over k directions, whichever side is longer.
  @Test(arguments: [1, 2, 5]) func equalDirectionsCount(_ k: Int) {
    for width in [5, 40] {
      let rows = (0..<k).flatMap { [axis($0, width), axis($0, width, -1)] }
      #expect(abs(rank(rows) - Double(k)) < 1e-6, "\(k) of \(width)")
    }
  }

  @Test func unequalOnesCountLess() {
    let rows = [axis(0, 4), axis(0, 4, -1), axis(1, 4, 0.01), axis(1, 4, -0.01)]
    let found = rank(rows)
    #expect(found > 1.01 && found < 1.2)
  }

  @Test func collapseIsZero() {
    #expect(rank(.init(repeating: axis(1, 6, 0.1), count: 9)) == 0)
  }

  @Test func randomFeaturesFillTheSpace() {
    var stream = RandomStream(RandomKey(seed: 1, "rank"))
    let rows = (0..<200).map { _ in (0..<16).map { _ in Float(stream.normal()) } }
    let found = rank(rows)
    #expect(found > 15 && found <= 16)
  }
}
