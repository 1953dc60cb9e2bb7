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

/// How often each byte occurs.
struct ByteHistogram {
  private var counts = [UInt32](repeating: 0, count: 256)

  init() {}

  init(_ bytes: UnsafeRawBufferPointer) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 1024) { tables in
      // Four tables, so that equal neighbours do not wait for each other.
      tables.initialize(repeating: 0)
      var i = 0
      while i &+ 4 <= bytes.count {
        tables[Int(bytes[i])] &+= 1
        tables[256 &+ Int(bytes[i &+ 1])] &+= 1
        tables[512 &+ Int(bytes[i &+ 2])] &+= 1
        tables[768 &+ Int(bytes[i &+ 3])] &+= 1
        i &+= 4
      }
      while i < bytes.count {
        tables[Int(bytes[i])] &+= 1
        i &+= 1
      }
      for value in 0..<256 {
        counts[value] =
          tables[value] + tables[256 + value] + tables[512 + value] + tables[768 + value]
      }
    }
  }

  mutating func merge(_ other: ByteHistogram) {
    for value in 0..<256 { counts[value] += other.counts[value] }
  }

  /// No code of single bytes is shorter: the sum of count log2(n / count) bits, rounded down to whole bytes.
  var entropyBytes: Int {
    let n = Double(counts.reduce(0) { $0 + Int($1) })
    let bits = counts.reduce(0.0) { $1 > 0 ? $0 + Double($1) * log2(n / Double($1)) : $0 }
    return Int(bits / 8)
  }
}
