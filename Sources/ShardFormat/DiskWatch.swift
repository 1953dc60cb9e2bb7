// Whether there is a disk to wait for: what is read next is announced to the kernel only then.

import Glibc

/// Whether this process fetches from a disk. Announcing a block (`ShardReader.expect`) lets the disk bring many at once
/// while others are decoded; for one that is in memory it is wasted, up to a tenth of the time that decoding takes.
public struct DiskWatch {
  private var seen: Int?

  public init() {}

  /// Whether anything was fetched since the last call; true at the first.
  public mutating func hasFetched() -> Bool {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    // Of what readahead fetches only the blocks are counted, of some file systems only the faults.
    let count = usage.ru_inblock + usage.ru_majflt
    defer { seen = count }
    return count != seen
  }
}
