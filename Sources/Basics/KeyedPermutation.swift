// A pseudo-random order of 0 ..< count that needs no memory: a Feistel network over the next power of four, walked
// until it lands inside the range (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").

/// A permutation of 0 ..< count, fixed by its key; O(1) memory and time in both directions, for any count.
public struct KeyedPermutation: Sendable {
  public let count: UInt64
  private let halfBits: UInt64
  private let mask: UInt64
  private let roundKeys: (UInt64, UInt64, UInt64, UInt64)

  public init(count: UInt64, key: RandomKey) {
    precondition(count > 0, "a permutation of nothing")
    self.count = count
    let bits = UInt64(64 - (max(count, 2) - 1).leadingZeroBitCount)
    halfBits = (bits + 1) / 2
    mask = (1 << halfBits) - 1
    var stream = RandomStream(key)
    roundKeys = (stream.next(), stream.next(), stream.next(), stream.next())
  }

  /// The element at `index` of the order. Expected walk: fewer than four rounds of the network.
  public subscript(index: UInt64) -> UInt64 {
    precondition(index < count, "index \(index) of a permutation of \(count)")
    var x = index
    repeat { x = forward(x) } while x >= count
    return x
  }

  /// Where `element` stands in the order: `inverse(self[i]) == i`.
  public func inverse(_ element: UInt64) -> UInt64 {
    precondition(element < count, "element \(element) of a permutation of \(count)")
    var x = element
    repeat { x = backward(x) } while x >= count
    return x
  }

  private func round(_ half: UInt64, _ key: UInt64) -> UInt64 { mix(half ^ key) & mask }

  private func forward(_ x: UInt64) -> UInt64 {
    var left = x >> halfBits
    var right = x & mask
    left ^= round(right, roundKeys.0)
    right ^= round(left, roundKeys.1)
    left ^= round(right, roundKeys.2)
    right ^= round(left, roundKeys.3)
    return left << halfBits | right
  }

  private func backward(_ x: UInt64) -> UInt64 {
    var left = x >> halfBits
    var right = x & mask
    right ^= round(left, roundKeys.3)
    left ^= round(right, roundKeys.2)
    right ^= round(left, roundKeys.1)
    left ^= round(right, roundKeys.0)
    return left << halfBits | right
  }
}
