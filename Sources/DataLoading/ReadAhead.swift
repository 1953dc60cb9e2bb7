// Telling the kernel which blocks come next, as long as there is a disk to wait for.

import Glibc

/// Whether this process fetches from a disk. Announcing a block (`BlockReader.expect`) lets the disk bring many at once
/// while others are decoded; for one that is in memory it is wasted, up to a tenth of the time that decoding takes.
struct DiskWatch {
  private var seen: Int?

  /// Whether anything was fetched since the last call; true at the first.
  mutating func hasFetched() -> Bool {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    // Of what readahead fetches only the blocks are counted, of some file systems only the faults.
    let count = usage.ru_inblock + usage.ru_majflt
    defer { seen = count }
    return count != seen
  }
}
