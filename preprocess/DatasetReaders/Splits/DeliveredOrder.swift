// The order in which TensorFlow Datasets delivers a split (datasets.md 2.5): keys sorted by MD5, cut into shards,
// shards interleaved sixteen at a time. Head and tail act on this order, so membership depends on it.

import Basics

enum DeliveredOrder {
  /// The order of records whose keys are their row numbers.
  ///
  /// Sixteen bytes of memory a record and one MD5 each: 11 million rows take about ten seconds.
  /// - Parameters:
  ///   - count: rows in the publisher's file.
  ///   - split: the split's name, hashed in front of the key: `train`, `validation`, `validation_ood`.
  ///   - shards: how many record files the published set has.
  /// - Returns: position -> row number.
  static func rows(_ count: Int, split: String, shards: Int) -> [Int32] {
    interleaved(hashedRows(count, split: split), shards: shards)
  }

  /// Row numbers sorted by the MD5 of split name and decimal number.
  static func hashedRows(_ count: Int, split: String) -> [Int32] {
    hashed(count, split: split) { String($0) }
  }

  /// The order of records with keys of their own.
  static func rows(keys: [String], split: String, shards: Int) -> [Int32] {
    interleaved(hashed(keys.count, split: split) { keys[Int($0)] }, shards: shards)
  }

  private static func hashed(_ count: Int, split: String, _ key: (Int32) -> String) -> [Int32] {
    var entries: [HashedRow] = []
    entries.reserveCapacity(count)
    var message = Array(split.utf8)
    let start = message.count
    for row in 0..<Int32(count) {
      message.removeSubrange(start...)
      message.append(contentsOf: key(row).utf8)
      let hash = message.withUnsafeBytes { Digest.of($0, .md5) }
      entries.append(HashedRow(hash: bigEndian(hash[..<8]), row: row))
    }
    func wholeHash(_ row: Int32) -> String {
      hexadecimal(Array((split + key(row)).utf8).withUnsafeBytes { Digest.of($0, .md5) })
    }
    // The first 64 bits order all but a handful of 11 million; the whole hash settles the rest.
    entries.sort { a, b in a.hash != b.hash ? a.hash < b.hash : wholeHash(a.row) < wholeHash(b.row)
    }
    return entries.map(\.row)
  }

  /// Cuts sorted records into `shards` pieces and reads them as TensorFlow Datasets does.
  static func interleaved(_ sorted: [Int32], shards: Int) -> [Int32] {
    let cuts = (0...shards).map { k in
      Int((Double(sorted.count * k) / Double(shards)).rounded(.toNearestOrEven))
    }
    return interleaved(sorted, lengths: (0..<shards).map { cuts[$0 + 1] - cuts[$0] })
  }

  /// Sixteen slots, up to sixteen records a visit; a shard that ends hands its slot to the next unopened one and
  /// the visit is over.
  static func interleaved(_ records: [Int32], lengths: [Int]) -> [Int32] {
    var starts: [Int] = [0]
    for length in lengths { starts.append(starts.last! + length) }
    var slots: [(next: Int, end: Int)?] = []
    var unopened = 0
    func open() -> (next: Int, end: Int)? {
      guard unopened < lengths.count else { return nil }
      defer { unopened += 1 }
      return (starts[unopened], starts[unopened + 1])
    }
    for _ in 0..<16 { slots.append(open()) }
    var delivered: [Int32] = []
    delivered.reserveCapacity(records.count)
    while slots.contains(where: { $0 != nil }) {
      for i in 0..<16 {
        guard let slot = slots[i] else { continue }
        let end = min(slot.next + 16, slot.end)
        delivered.append(contentsOf: records[slot.next..<end])
        slots[i] = end - slot.next < 16 ? open() : (end, slot.end)
      }
    }
    return delivered
  }

  private struct HashedRow {
    let hash: UInt64
    let row: Int32
  }

  private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
