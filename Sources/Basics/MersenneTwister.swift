// MT19937 as numpy's legacy `RandomState` drives it: published splits and window lists are defined by its stream
// (datasets.md 2.1, 2.2). Everything of our own draws from RandomStream instead.

/// numpy's `RandomState(seed)`: 32-bit words, bounded integers, shuffles.
public struct MersenneTwister: Sendable {
  private var words = [UInt32](repeating: 0, count: 624)
  private var next = 624

  /// The plain seeding ("init_genrand"), as `numpy.random.RandomState(seed)`.
  public init(numpySeed seed: UInt32) { fill(seed) }

  /// The seeding by array, as Python's `random.seed(seed)` with a non-negative integer.
  public init(pythonSeed seed: UInt64) {
    let key =
      seed >> 32 == 0 ? [UInt32(seed)] : [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)]
    fill(19_650_218)
    var i = 1
    var j = 0
    for _ in 0..<624 {
      words[i] =
        (words[i] ^ ((words[i - 1] ^ (words[i - 1] >> 30)) &* 1_664_525)) &+ key[j] &+ UInt32(j)
      i += 1
      j = (j + 1) % key.count
      if i == 624 {
        words[0] = words[623]
        i = 1
      }
    }
    for _ in 0..<623 {
      words[i] = (words[i] ^ ((words[i - 1] ^ (words[i - 1] >> 30)) &* 1_566_083_941)) &- UInt32(i)
      i += 1
      if i == 624 {
        words[0] = words[623]
        i = 1
      }
    }
    words[0] = 0x8000_0000
  }

  private mutating func fill(_ seed: UInt32) {
    words[0] = seed
    for k in 1..<624 {
      words[k] = 1_812_433_253 &* (words[k - 1] ^ (words[k - 1] >> 30)) &+ UInt32(k)
    }
  }

  /// The next tempered word.
  public mutating func word() -> UInt32 {
    if next == 624 { regenerate() }
    var y = words[next]
    next += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C_5680
    y ^= (y << 15) & 0xEFC6_0000
    return y ^ (y >> 18)
  }

  private mutating func regenerate() {
    for k in 0..<624 {
      let y = (words[k] & 0x8000_0000) | (words[(k + 1) % 624] & 0x7FFF_FFFF)
      words[k] = words[(k + 397) % 624] ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
    }
    next = 0
  }

  /// Uniform in 0 ... most by masked rejection; 0 consumes no draw.
  public mutating func bounded(_ most: UInt32) -> UInt32 {
    if most == 0 { return 0 }
    let mask = UInt32.max >> UInt32(most.leadingZeroBitCount)
    while true {
      let value = word() & mask
      if value <= most { return value }
    }
  }

  /// numpy's `randint(count)`: uniform in 0 ..< count.
  public mutating func integer(below count: Int) -> Int { Int(bounded(UInt32(count - 1))) }

  /// numpy's legacy `shuffle`.
  public mutating func shuffle<Element>(_ items: inout [Element]) {
    var i = items.count - 1
    while i > 0 {
      items.swapAt(i, Int(bounded(UInt32(i))))
      i -= 1
    }
  }

  /// numpy's `permutation(count)`.
  public mutating func permutation(_ count: Int) -> [Int32] {
    var items = (0..<Int32(count)).map { $0 }
    shuffle(&items)
    return items
  }
}
