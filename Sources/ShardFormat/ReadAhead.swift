// Asking the kernel for pages of a mapped file before they are read, as long as there is a disk to wait for. LMDB marks
// its mapping random: left alone, each page would be a read of its own.

import Glibc

enum ReadAhead {
  /// The kernel drops what goes beyond its readahead or a request of the device: this much it grants by default.
  private static let piece: UInt = 128 << 10

  /// Has `count` bytes from `address` on brought into memory. Waits for no page, but perhaps for a place in the device's queue.
  static func request(_ address: UInt, _ count: UInt) {
    var start = address & ~UInt(getpagesize() - 1)
    let end = address + count
    while start < end {
      let bytes = min(end - start, piece)
      madvise(UnsafeMutableRawPointer(bitPattern: start), Int(bytes), MADV_WILLNEED)
      start += bytes
    }
  }
}

/// Whether this process fetches from a disk. Requests let the disk bring many blocks at once while others are decoded; for
/// what is in memory they are wasted, up to a tenth of the time that decoding takes.
public struct DiskWatch {
  private var seen: Int?
  private var left = 0
  /// For how many calls a fetch counts: what was requested in time is not always counted as fetched.
  private static let memory = 4

  public init() {}

  /// Whether anything was fetched lately. True at first.
  public mutating func isBusy() -> Bool {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return isBusy(fetched: usage.ru_inblock + usage.ru_majflt)
  }

  /// - Parameter count: blocks and faults so far.
  mutating func isBusy(fetched count: Int) -> Bool {
    left = count == seen ? max(0, left - 1) : Self.memory
    seen = count
    return left > 0
  }
}

/// Requests the frames that follow when blocks are read one after the other.
struct SequentialReadAhead {
  private static let stretch: UInt = 4 << 20
  /// So many blocks in a row are no accident: windows of rows take two or three.
  private static let run = 4
  private var disk = DiskWatch()
  private var last = (block: -2, shard: -1)
  private var length = 0
  /// Up to where frames were requested.
  private var end: UInt = 0

  /// Frames lie in the order of their blocks.
  mutating func willRead(_ block: Int, of shard: Int, _ frame: UnsafeRawBufferPointer) {
    length = block == last.block + 1 && shard == last.shard ? length + 1 : 0
    last = (block, shard)
    guard length >= Self.run else {
      end = 0
      return
    }
    let start = UInt(bitPattern: frame.baseAddress)
    guard start + Self.stretch / 2 > end else { return }
    let first = max(start, end)
    end = start + Self.stretch
    if disk.isBusy() { ReadAhead.request(first, end - first) }
  }
}
