// A look at a shard's LMDB tree before LMDB follows it. LMDB trusts its file: a flipped bit in a page of the tree can
// end the process. This walk reads meta, branch and leaf pages (a few hundred KiB for 256 MiB), bounds every number
// in them and holds the keys against the manifest. Values are checked later, by their frames.
// Layout of pages: LMDB 0.9, data version 1, 64 bit, little-endian (mdb.c: MDB_meta, MDB_db, MDB_page, MDB_node).

import Basics
import Glibc

struct TreeCheck {
  /// What does not hold.
  struct Damage: Error { let description: String }

  private enum PageFlag { static let branch: UInt16 = 1, leaf: UInt16 = 2, meta: UInt16 = 8 }
  private static let header = 16
  private static let depthLimit = 8

  private let path: String
  private let descriptor: Int32
  private let fileSize: Int
  private var pageSize = 0
  private var lastPage = 0
  private var nextKey: Int
  private let keys: Range<Int>
  /// Whether keys and their number are the file's own affair.
  private var takesAnyKeys = false
  /// The pages of the tree and of its values.
  private var used: [Range<Int>] = []

  /// Checks that the file holds a sound tree with exactly these block numbers.
  /// - Throws: `Damage` naming what is wrong; `Failure` when the file cannot be read.
  static func run(_ path: String, blocks: Range<Int>) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    defer { close(descriptor) }
    var check = TreeCheck(
      path: path, descriptor: descriptor, fileSize: try Files.size(path),
      nextKey: blocks.lowerBound,
      keys: blocks)
    try check.walk()
  }

  /// Checks that the file holds a sound tree, whatever its keys are: an LMDB file of another program.
  /// - Throws: as above.
  static func run(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    defer { close(descriptor) }
    var check = TreeCheck(
      path: path, descriptor: descriptor, fileSize: try Files.size(path), nextKey: 0,
      keys: 0..<Int.max, takesAnyKeys: true)
    try check.walkTree()
  }

  private mutating func walkTree() throws {
    let root = try readMeta()
    if root != UInt64.max { try visit(root, depth: 0) }
    try checkSharedPages()
  }

  /// A value's page number that leads to another value of the same length would give its whole frame.
  private mutating func checkSharedPages() throws {
    used.sort { $0.lowerBound < $1.lowerBound }
    for (one, next) in zip(used, used.dropFirst()) where next.lowerBound < one.upperBound {
      throw damage("page \(next.lowerBound) is used twice")
    }
  }

  private mutating func walk() throws {
    try walkTree()
    guard nextKey == keys.upperBound else {
      throw damage("it ends before block \(nextKey), expected \(keys.count) blocks")
    }
  }

  /// - Returns: the root page of the main database, all ones when that is empty.
  private mutating func readMeta() throws -> UInt64 {
    let first = try read(at: 0, count: 152)
    pageSize = Int(first.number(40, UInt32.self))
    guard pageSize >= 512, pageSize <= 65536, pageSize & (pageSize - 1) == 0 else {
      throw damage("not an LMDB file")
    }
    let metas = [first, try read(at: pageSize, count: 152)]
    for meta in metas {
      guard meta.number(10, UInt16.self) & PageFlag.meta != 0,
        meta.number(16, UInt32.self) == 0xBEEF_C0DE, meta.number(20, UInt32.self) == 1,
        meta.number(40, UInt32.self) == UInt32(pageSize), meta.number(44, UInt16.self) & 1 == 0,
        meta.number(32, UInt64.self) <= 1 << 40
      else { throw damage("not an LMDB file of data version 1, or its meta page is damaged") }
    }
    let newer = metas[0].number(144, UInt64.self) >= metas[1].number(144, UInt64.self) ? 0 : 1
    let meta = metas[newer]
    let last = meta.number(136, UInt64.self)
    guard last < UInt64(fileSize / pageSize) else {
      throw damage("it needs \(last &+ 1) pages of \(pageSize) bytes, but has \(fileSize) bytes")
    }
    lastPage = Int(last)
    guard meta.number(92, UInt16.self) == 0,
      takesAnyKeys || meta.number(120, UInt64.self) == UInt64(keys.count)
    else {
      throw damage(
        takesAnyKeys
          ? "its keys are of a kind not read here" : "it does not hold \(keys.count) blocks")
    }
    return meta.number(128, UInt64.self)
  }

  private mutating func visit(_ number: UInt64, depth: Int) throws {
    guard number >= 2, number <= UInt64(lastPage), depth < TreeCheck.depthLimit else {
      throw damage("page \(number) is out of place")
    }
    let page = try read(at: Int(number) * pageSize, count: pageSize)
    let flags = page.number(10, UInt16.self)
    let lower = Int(page.number(12, UInt16.self))
    let upper = Int(page.number(14, UInt16.self))
    let count = (lower - TreeCheck.header) / 2
    guard page.number(0, UInt64.self) == number, lower >= TreeCheck.header, lower & 1 == 0,
      lower <= upper, upper <= pageSize, count >= (flags == PageFlag.branch ? 2 : 1),
      flags == PageFlag.branch || flags == PageFlag.leaf
    else { throw damage("page \(number) is damaged") }
    used.append(Int(number)..<Int(number) + 1)
    for entry in 0..<count {
      let at = Int(page.number(TreeCheck.header + 2 * entry, UInt16.self))
      guard at >= upper, at + 8 <= pageSize else { throw damage("page \(number) is damaged") }
      let keyCount = Int(page.number(at + 6, UInt16.self))
      guard
        keyCount == 8 || (takesAnyKeys && (1...511).contains(keyCount))
          || (keyCount == 0 && entry == 0 && flags == PageFlag.branch),
        at + 8 + keyCount <= pageSize
      else { throw damage("page \(number) is damaged") }
      let low = UInt64(page.number(at, UInt16.self))
      let high = UInt64(page.number(at + 2, UInt16.self))
      let nodeFlags = page.number(at + 4, UInt16.self)
      let key =
        takesAnyKeys
        ? UInt64(nextKey)
        : keyCount == 0 ? nil : UInt64(bigEndian: page.number(at + 8, UInt64.self))
      if flags == PageFlag.branch {
        guard key == nil || key == UInt64(nextKey) else {
          throw damage("page \(number) is damaged")
        }
        try visit(low | high << 16 | UInt64(nodeFlags) << 32, depth: depth + 1)
        continue
      }
      guard key == UInt64(nextKey) else { throw damage("block \(nextKey) is out of place") }
      let size = Int(low | high << 16)
      if nodeFlags == 0 {
        guard at + 8 + keyCount + size <= pageSize else {
          throw damage("page \(number) is damaged")
        }
      } else {
        guard nodeFlags == 1, at + 16 + keyCount <= pageSize else {
          throw damage("page \(number) is damaged")
        }
        let first = page.number(at + 8 + keyCount, UInt64.self)
        guard first >= 2, first <= UInt64(lastPage),
          Int(first) * pageSize + TreeCheck.header + size <= (lastPage + 1) * pageSize
        else { throw damage("block \(nextKey) lies outside the file") }
        let pages = (TreeCheck.header + size + pageSize - 1) / pageSize
        used.append(Int(first)..<Int(first) + pages)
      }
      nextKey += 1
      guard nextKey <= keys.upperBound else {
        throw damage("it holds more than \(keys.count) blocks")
      }
    }
  }

  private func read(at offset: Int, count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + done, count - done, off_t(offset + done))
      }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw Failure.system(errno, at: path, "cannot read") }
      guard got > 0 else { throw damage("it is cut short at \(fileSize) bytes") }
      done += got
    }
    return bytes
  }

  private func damage(_ problem: String) -> Damage { Damage(description: problem) }
}

extension [UInt8] {
  /// A little-endian number at a byte offset inside the array.
  fileprivate func number<T: FixedWidthInteger>(_ offset: Int, _: T.Type) -> T {
    withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
  }
}
