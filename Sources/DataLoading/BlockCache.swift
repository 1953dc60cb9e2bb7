// Decoded blocks that may be wanted again soon: least recently used goes first, memory bounded, buffers reused.

/// A bounded store of decoded blocks.
final class BlockCache {
  private struct Entry {
    var block = -1
    var lastUse: UInt64 = 0
    let bytes: UnsafeMutableRawBufferPointer
  }
  private var entries: [Entry] = []
  private var whereIs: [Int: Int] = [:]
  private var clock: UInt64 = 0
  private let capacity: Int
  private let blockBytes: Int

  /// - Parameters:
  ///   - blockBytes: bytes of the largest block.
  ///   - byteLimit: memory that may be used; at least two blocks are kept whatever it says.
  init(blockBytes: Int, byteLimit: Int) {
    self.blockBytes = blockBytes
    capacity = max(2, byteLimit / max(1, blockBytes))
  }

  deinit { for entry in entries { entry.bytes.deallocate() } }

  /// The decoded block; valid until the next call.
  func block(
    _ block: Int, decode: (Int, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> UnsafeRawPointer {
    clock += 1
    if let i = whereIs[block] {
      entries[i].lastUse = clock
      return UnsafeRawPointer(entries[i].bytes.baseAddress!)
    }
    let i = victim()
    whereIs[entries[i].block] = nil
    entries[i].block = -1
    try decode(block, entries[i].bytes)
    entries[i].block = block
    entries[i].lastUse = clock
    whereIs[block] = i
    return UnsafeRawPointer(entries[i].bytes.baseAddress!)
  }

  private func victim() -> Int {
    if entries.count < capacity {
      entries.append(
        Entry(bytes: .allocate(byteCount: max(1, blockBytes), alignment: 64)))
      return entries.count - 1
    }
    var oldest = 0
    for i in entries.indices where entries[i].lastUse < entries[oldest].lastUse { oldest = i }
    return oldest
  }
}
