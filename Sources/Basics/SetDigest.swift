// A checksum of a set of numbers that does not depend on their order and can be added to: what an epoch's receipt is
// made of (docs/formats.md, "Receipts").

/// Two sums, modulo 2^64, of scrambled numbers. A number lost, repeated or exchanged changes both.
public struct SetDigest: Equatable, Sendable {
  public private(set) var count: UInt64 = 0
  private var first: UInt64 = 0
  private var second: UInt64 = 0

  public init() {}

  /// The digest of 0 ..< count. Time grows with `count` (about 2 ns each), memory does not.
  public init(upTo count: UInt64) {
    var id: UInt64 = 0
    while id < count {
      add(id)
      id += 1
    }
  }

  /// What `text` says about `count` numbers.
  /// - Returns: nil unless `text` is 32 hexadecimal digits.
  public init?(count: UInt64, text: String) {
    guard text.utf8.count == 32, text.utf8.allSatisfy({ $0 < 128 }) else { return nil }
    guard let first = UInt64(text.prefix(16), radix: 16),
      let second = UInt64(text.suffix(16), radix: 16)
    else { return nil }
    self.count = count
    self.first = first
    self.second = second
  }

  @inline(__always)
  public mutating func add(_ id: UInt64) {
    let h = mix(id &+ 0x9E37_79B9_7F4A_7C15)
    first &+= h
    second &+= mix(h ^ 0xD1B5_4A32_D192_ED03)
    count &+= 1
  }

  /// The digest of both together.
  public static func + (a: SetDigest, b: SetDigest) -> SetDigest {
    var sum = a
    sum.count &+= b.count
    sum.first &+= b.first
    sum.second &+= b.second
    return sum
  }

  /// 32 hexadecimal digits: the first sum, then the second.
  public var text: String { hex(first) + hex(second) }

  private func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
