// Which folder each place of a mixed sequence comes from: exact shares, any place at once, no state
// (docs/formats.md, "Mixtures").

import Basics

/// Folders by weight. Every stretch of `period` places, beginning at a multiple of it, holds each folder exactly as often
/// as its weight says, in an order keyed by seed and stretch.
public struct MixtureSchedule: Sendable {
  public let weights: [Int]
  /// The sum of the weights.
  public let period: UInt64
  private let seed: UInt64
  private var stretch = UInt64.max
  private var order: [UInt8]

  /// - Parameter weights: whole numbers from 1; at most 256 folders, their sum at most 65,536.
  public init(weights: [Int], seed: UInt64) {
    precondition(!weights.isEmpty && weights.allSatisfy { $0 > 0 } && weights.count <= 256)
    self.weights = weights
    self.seed = seed
    period = UInt64(weights.reduce(0, +))
    order = []
  }

  /// The folder that the sample at `position` comes from, and for how many places from there on.
  mutating func run(at position: UInt64) -> (folder: Int, count: UInt64) {
    if weights.count == 1 { return (0, .max) }
    let (stretch, place) = position.quotientAndRemainder(dividingBy: period)
    prepare(stretch)
    let first = Int(place)
    var end = first + 1
    while end < order.count && order[end] == order[first] { end += 1 }
    return (Int(order[first]), UInt64(end - first))
  }

  /// How many of the first `position` places each folder has: where each one's own sequence stands.
  public mutating func positions(before position: UInt64) -> [UInt64] {
    if weights.count == 1 { return [position] }
    let (stretch, place) = position.quotientAndRemainder(dividingBy: period)
    prepare(stretch)
    var counts = weights.map { UInt64($0) * stretch }
    for folder in order[..<Int(place)] { counts[Int(folder)] += 1 }
    return counts
  }

  private mutating func prepare(_ stretch: UInt64) {
    guard stretch != self.stretch else { return }
    self.stretch = stretch
    order.removeAll(keepingCapacity: true)
    for (folder, weight) in weights.enumerated() {
      for _ in 0..<weight { order.append(UInt8(folder)) }
    }
    var stream = RandomStream(RandomKey(seed: seed, "mixture", stretch))
    var i = order.count - 1
    while i > 0 {
      order.swapAt(i, stream.below(i + 1))
      i -= 1
    }
  }
}
