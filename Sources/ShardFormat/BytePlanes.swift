// What is done to a block's bytes before zstd sees them: the bytes of numbers are sorted into planes, and what a code of
// single bytes could make of a plane is estimated.

import CShuffle
import Glibc

/// The fields of a block with their bytes regrouped: all first bytes, all second bytes, ... of each field of
/// multi-byte numbers. Neighbouring numbers then differ in runs that compress.
enum ByteShuffle {
  /// - Parameter widths: (bytes of an element, elements) of each field, in order.
  static func apply(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
    _ widths: [(element: Int, count: Int)]
  ) {
    var (from, to) = (source, target)
    for (element, count) in widths {
      if element == 1 {
        memcpy(to, from, count)
      } else {
        csh_shuffle(Int32(element), from, count, to)
      }
      from += element * count
      to += element * count
    }
  }

  /// Bytes of each plane of the shuffled fields: a field of single bytes is one.
  static func planes(_ widths: [(element: Int, count: Int)]) -> [Int] {
    widths.flatMap { Array(repeating: $0.count, count: $0.element) }
  }

  /// The inverse of `apply`.
  static func undo(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
    _ widths: [(element: Int, count: Int)]
  ) {
    var (from, to) = (source, target)
    for (element, count) in widths {
      csh_unshuffle(Int32(element), from, count, to, count)
      from += element * count
      to += element * count
    }
  }
}

/// How often each byte occurs, by a sample.
struct ByteHistogram {
  /// Of n bytes every k-th is counted, k being n / counted made odd, so that one column of an image is not all it sees.
  private static let counted = 8192
  /// Estimates for all bytes: those counted, k times.
  private var counts = [UInt32](repeating: 0, count: 256)

  init() {}

  init(_ bytes: UnsafeRawBufferPointer) {
    let k = bytes.count / Self.counted | 1
    counts.withUnsafeMutableBufferPointer { counts in
      var i = 0
      while i < bytes.count {
        counts[Int(bytes[i])] &+= UInt32(truncatingIfNeeded: k)
        i &+= k
      }
    }
  }

  mutating func merge(_ other: ByteHistogram) {
    for value in 0..<256 { counts[value] &+= other.counts[value] }
  }

  /// What no code of single bytes goes below for `count` bytes of this kind: log2(n / n_v) bits for each byte of value v
  /// of the n counted; rounded down to whole bytes.
  func entropyBytes(of count: Int) -> Int {
    let n = Double(counts.reduce(0) { $0 + Int($1) })
    guard n > 0 else { return 0 }
    let bits = counts.reduce(0.0) { $1 > 0 ? $0 + Double($1) * log2(n / Double($1)) : $0 }
    return Int(bits / n * Double(count) / 8)
  }
}
