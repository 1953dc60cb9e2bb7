// Python's `random` as far as the splits use it (datasets.md 2.6).

import Basics

/// `random.Random(seed)`.
struct PythonRandom {
  private var twister: MersenneTwister

  init(seed: UInt64) { twister = MersenneTwister(pythonSeed: seed) }

  /// `random()`: 53 bits in [0, 1).
  mutating func uniform() -> Double {
    let high = Double(twister.word() >> 5)
    let low = Double(twister.word() >> 6)
    return (high * 67_108_864 + low) / 9_007_199_254_740_992
  }

  /// `getrandbits(count)` for 1 ... 32 bits.
  mutating func bits(_ count: Int) -> UInt32 { twister.word() >> UInt32(32 - count) }

  /// `_randbelow(count)`: by the bit length of `count` itself, so 1 still draws until it gets 0.
  mutating func below(_ count: Int) -> Int {
    let width = Int.bitWidth - count.leadingZeroBitCount
    while true {
      let value = Int(bits(width))
      if value < count { return value }
    }
  }

  /// `randint(a, b)`, both ends included.
  mutating func integer(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.count)
  }
}
