// Keyed random numbers. Nothing here has state that outlives a call site: every use derives a key from the root
// seed, its purpose and what it is for (epoch, sample, step, parameter name), so adding a consumer shifts no other,
// and a resumed run draws what an uninterrupted one would. Generator: SplitMix64 (Steele, Lea, Flood 2014).

import Glibc

/// The name of one stream of random numbers.
public struct RandomKey: Hashable, Sendable {
  public let bits: UInt64

  /// - Parameters:
  ///   - purpose: what the numbers are for ("mask", "dropout", "order", ...).
  ///   - parts: what they belong to (epoch, sample id, step, ...).
  public init(seed: UInt64, _ purpose: String) {
    var h = mix(seed &+ Self.step)
    for byte in purpose.utf8 { h = mix((h ^ UInt64(byte)) &+ Self.step) }
    bits = h
  }

  public init(seed: UInt64, _ purpose: String, _ part: UInt64) {
    self = RandomKey(seed: seed, purpose).child(part)
  }

  public init(seed: UInt64, _ purpose: String, _ part: UInt64, _ next: UInt64) {
    self = RandomKey(seed: seed, purpose).child(part).child(next)
  }

  private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

  init(bits: UInt64) { self.bits = bits }

  /// A key below this one.
  public func child(_ part: UInt64) -> RandomKey {
    RandomKey(bits: mix((bits ^ mix(part &+ 0xD1B5_4A32_D192_ED03)) &+ 0x9E37_79B9_7F4A_7C15))
  }
}

/// SplitMix64's finaliser: a bijection of 64 bits in which each input bit flips half of the output bits.
@inlinable @inline(__always)
func mix(_ x: UInt64) -> UInt64 {
  var z = x
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

/// The numbers of one key, in order.
public struct RandomStream: RandomNumberGenerator, Sendable {
  @usableFromInline var state: UInt64

  public init(_ key: RandomKey) { state = key.bits }

  @inlinable public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return mix(state)
  }

  /// Uniform in [0, 1), 53 bits.
  @inlinable public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in [0, 1), 24 bits: never rounds up to 1.
  @inlinable public mutating func uniformFloat() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// Uniform in 0 ..< bound, unbiased (Lemire's multiply and reject).
  @inlinable public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "below(0)")
    let n = UInt64(bound)
    var product = next().multipliedFullWidth(by: n)
    if product.low < n {
      let threshold = (0 &- n) % n
      while product.low < threshold { product = next().multipliedFullWidth(by: n) }
    }
    return Int(product.high)
  }

  /// Standard normal (Box and Muller; one of the pair is thrown away).
  public mutating func normal() -> Double {
    let u = 1 - uniform()
    return (-2 * log(u)).squareRoot() * cos(2 * .pi * uniform())
  }

  /// Writes a uniformly random order of 0 ..< count (Fisher and Yates) to `order`.
  @inlinable public mutating func permutation(into order: UnsafeMutableBufferPointer<Int32>) {
    for i in 0..<order.count { order[i] = Int32(i) }
    var i = order.count - 1
    while i > 0 {
      order.swapAt(i, below(i + 1))
      i -= 1
    }
  }
}
