// MT19937 with the two seedings that the published splits rest on (datasets.md 2.1): numpy's legacy `RandomState`
// and Python's `random.seed`. What is drawn from it stands in NumpyRandom.swift and PythonRandom.swift.

/// The Mersenne Twister's stream of 32-bit words.
struct MersenneTwister {
  private var words: [UInt32]
  private var used = 624

  /// numpy's `RandomState(seed)`: the plain `init_genrand`.
  init(numpySeed seed: UInt32) {
    words = [UInt32](repeating: 0, count: 624)
    words[0] = seed
    for k in 1..<624 {
      let before = words[k - 1]
      words[k] = 1_812_433_253 &* (before ^ (before >> 30)) &+ UInt32(k)
    }
  }

  /// Python's `random.seed(seed)`: `init_by_array` with the seed's 32-bit digits, lowest first.
  init(pythonSeed seed: UInt64) {
    self.init(numpySeed: 19_650_218)
    let low = UInt32(truncatingIfNeeded: seed)
    let high = UInt32(seed >> 32)
    let key = high == 0 ? [low] : [low, high]
    var i = 1
    var j = 0
    for _ in 0..<624 {
      words[i] = (words[i] ^ (stirred(i - 1) &* 1_664_525)) &+ key[j] &+ UInt32(j)
      j = (j + 1) % key.count
      advance(&i)
    }
    for _ in 0..<623 {
      words[i] = (words[i] ^ (stirred(i - 1) &* 1_566_083_941)) &- UInt32(i)
      advance(&i)
    }
    words[0] = 0x8000_0000
  }

  /// The next tempered word.
  mutating func next() -> UInt32 {
    if used == 624 { regenerate() }
    var y = words[used]
    used += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C_5680
    y ^= (y << 15) & 0xEFC6_0000
    y ^= y >> 18
    return y
  }

  private func stirred(_ index: Int) -> UInt32 { words[index] ^ (words[index] >> 30) }

  private mutating func advance(_ index: inout Int) {
    index += 1
    if index == 624 {
      words[0] = words[623]
      index = 1
    }
  }

  private mutating func regenerate() {
    for k in 0..<624 {
      let y = (words[k] & 0x8000_0000) | (words[k == 623 ? 0 : k + 1] & 0x7FFF_FFFF)
      let source = words[k < 227 ? k + 397 : k - 227]
      words[k] = source ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
    }
    used = 0
  }
}
