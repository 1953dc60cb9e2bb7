// Where the parts of a stored block lie in its shard's file, by docs/formats.md and LMDB's own layout: for drills that
// damage one part at a time. Reads whole files; trusts them.

import Basics
import Glibc

public struct ShardAnatomy {
  /// A part of the file: a run of bytes with one meaning.
  public struct Part: Sendable {
    public let name: String
    public let bytes: Range<Int>
    /// The block whose frame or place in the tree it is; nil: the whole tree's, or nobody's.
    public var block: Int?
    /// Whether it is a part of the frame.
    public var isFrame = false
    /// Whether nothing reads it.
    public var isUnused = false

    /// Bits spread over the part, all of them when it has no more.
    public func bits(atMost limit: Int) -> [Int] {
      let count = 8 * bytes.count
      return (0..<min(limit, count)).map { 8 * bytes.lowerBound + $0 * count / min(limit, count) }
    }
  }

  public private(set) var parts: [Part] = []
  private let file: [UInt8]
  private let page: Int
  private var used: Set<Int> = [0, 1]

  public init(_ path: String) throws {
    file = try Files.read(path)
    page = file.little(40, UInt32.self)
    let metas = [0, 1].map { $0 * page }
    let newer = file.little(metas[1] + 144, UInt64.self) > file.little(144, UInt64.self) ? 1 : 0
    for (number, name) in [(newer, "meta page"), (1 - newer, "older meta page")] {
      add("\(name), page header", metas[number], 16)
      add("\(name), contents", metas[number] + 16, 136)
      add("\(name), rest", metas[number] + 152, page - 152, isUnused: true)
    }
    visit(file.little(metas[newer] + 128, UInt64.self), isFirst: true)
    let unread = (2..<file.count / page).first { !used.contains($0) }
    if let unread { add("page of no tree", unread * page, page, isUnused: true) }
  }

  /// The first part of a name.
  public func part(_ name: String) -> Part? { parts.first { $0.name == name } }

  private mutating func add(
    _ name: String, _ start: Int, _ count: Int, block: Int? = nil, isFrame: Bool = false,
    isUnused: Bool = false
  ) {
    guard count > 0 else { return }
    parts.append(
      Part(
        name: name, bytes: start..<start + count, block: block, isFrame: isFrame,
        isUnused: isUnused))
  }

  /// Names the parts of the first page of each level, and those of the second block of a leaf (the first has a
  /// neighbour in front then).
  private mutating func visit(_ number: Int, isFirst: Bool) {
    used.insert(number)
    let start = number * page
    let isLeaf = file.little(start + 10, UInt16.self) == 2
    let (lower, upper) = (
      file.little(start + 12, UInt16.self), file.little(start + 14, UInt16.self)
    )
    let kind = isLeaf ? "leaf" : "branch"
    if isFirst {
      add("\(kind) page header", start, 16)
      add("\(kind) pointers", start + 16, lower - 16)
      add("\(kind) page, free space", start + lower, upper - lower, isUnused: true)
    }
    for entry in 0..<(lower - 16) / 2 {
      let node = start + file.little(start + 16 + 2 * entry, UInt16.self)
      let keyCount = file.little(node + 6, UInt16.self)
      if isFirst && entry == 1 {
        let block = isLeaf ? key(node) : nil
        add("\(kind) node header", node, 8, block: block)
        add("\(kind) node key", node + 8, keyCount, block: block)
      }
      if isLeaf {
        frame(node, keyCount, isNamed: isFirst && entry == 1)
      } else {
        visit(
          file.little(node, UInt32.self) | file.little(node + 4, UInt16.self) << 32,
          isFirst: isFirst && entry == 0)
      }
    }
  }

  /// The block's number: big-endian.
  private func key(_ node: Int) -> Int {
    file[node + 8..<node + 16].reduce(0) { $0 << 8 | Int($1) }
  }

  private mutating func frame(_ node: Int, _ keyCount: Int, isNamed: Bool) {
    let size = file.little(node, UInt32.self)
    let block = key(node)
    var start = node + 8 + keyCount
    if file.little(node + 4, UInt16.self) == 1 {
      let first = file.little(start, UInt64.self)
      let pages = (16 + size + page - 1) / page
      used.formUnion(first..<first + pages)
      if isNamed {
        add("overflow page number", start, 8, block: block)
        add("overflow page header", first * page, 16)
      }
      start = first * page + 16
      if isNamed {
        add(
          "overflow page, rest", start + size, pages * page - 16 - size, isUnused: true)
      }
    }
    guard isNamed else { return }
    // A frame of one segment: magic number, descriptor, content size, blocks, checksum.
    let sizeBytes = [1, 2, 4, 8][Int(file[start + 4] >> 6)]
    let blocks = start + 5 + sizeBytes
    let payload = blocks + 3..<start + size - 4
    for (name, start, count) in [
      ("zstd magic number", start, 4), ("zstd frame header", start + 4, 1 + sizeBytes),
      ("zstd block header", blocks, 3), ("payload, start", payload.lowerBound, 8),
      ("payload, middle", (payload.lowerBound + payload.upperBound) / 2, 8),
      ("payload, end", payload.upperBound - 8, 8), ("checksum", payload.upperBound, 4),
    ] { add(name, start, count, block: block, isFrame: true) }
  }
}

extension [UInt8] {
  /// A little-endian number at a byte offset.
  fileprivate func little<T: FixedWidthInteger>(_ offset: Int, _: T.Type) -> Int {
    withUnsafeBytes {
      Int(T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)))
    }
  }
}

/// Flips one bit of a file in place.
public func flip(bit: Int, of path: String) throws {
  let descriptor = open(path, O_RDWR)
  defer { close(descriptor) }
  var byte: UInt8 = 0
  guard pread(descriptor, &byte, 1, off_t(bit / 8)) == 1 else {
    throw Failure.system(errno, at: path, "cannot read")
  }
  byte ^= 1 << UInt8(bit % 8)
  guard pwrite(descriptor, &byte, 1, off_t(bit / 8)) == 1 else {
    throw Failure.system(errno, at: path, "cannot write")
  }
}
