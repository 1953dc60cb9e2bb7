// The raw files of a data set as a compact list: a million of them take about 70 bytes each, no object a file, so that
// a build starts at once and forked processes share the pages.

import Basics

/// Where raw files stand: a folder, a file, or an archive, perhaps within archives.
struct RawContainer: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// Files on disk below `file`.
    case folder
    /// `file` itself, perhaps compressed.
    case single
    /// Entries of an archive: `inside` names the archives within `file`, outermost first.
    case archive
  }

  let kind: Kind
  let file: String
  var inside: [String] = []
  /// Of an archive that stands uncompressed within a tar on disk: its bytes in `file`.
  var range: Range<Int>?
  /// What its entries' names begin with: the archives as folders.
  var prefix = ""
}

/// Raw files in the order in which they were found; elements are made on demand.
struct RawListing: RandomAccessCollection, Sendable {
  private struct Item {
    var start: Int
    var length: UInt32
    var container: Int32
    /// Bytes as read; -1 when not known.
    var size: Int
    var isCompressed: Bool
  }

  private var items: [Item] = []
  private var names: [UInt8] = []
  private(set) var containers: [RawContainer] = []

  var startIndex: Int { 0 }
  var endIndex: Int { items.count }

  subscript(index: Int) -> RawEntry {
    let item = items[index]
    let stored = storedName(item)
    let container = containers[Int(item.container)]
    let name = item.isCompressed ? String(stored[..<stored.lastIndex(of: ".")!]) : stored
    switch container.kind {
    case .single:
      return RawEntry(
        name: name, file: container.file, inside: item.isCompressed ? [""] : [],
        size: size(at: index))
    case .folder:
      return RawEntry(
        name: name, file: container.file + "/" + stored, inside: item.isCompressed ? [""] : [],
        size: size(at: index))
    case .archive:
      let entry = String(stored.dropFirst(container.prefix.count))
      return RawEntry(
        name: name, file: container.file,
        inside: container.inside + [entry] + (item.isCompressed ? [""] : []), size: size(at: index))
    }
  }

  /// Path below the source; nothing else is made.
  func name(at index: Int) -> String {
    let stored = storedName(items[index])
    return items[index].isCompressed ? String(stored[..<stored.lastIndex(of: ".")!]) : stored
  }

  func size(at index: Int) -> Int? { items[index].size < 0 ? nil : items[index].size }
  func container(at index: Int) -> Int { Int(items[index].container) }

  private func storedName(_ item: Item) -> String {
    String(decoding: names[item.start..<(item.start + Int(item.length))], as: UTF8.self)
  }

  // MARK: Making

  /// - Returns: its number.
  mutating func add(_ container: RawContainer) -> Int {
    containers.append(container)
    return containers.count - 1
  }

  /// - Parameter name: below the source, with the suffix that says how it is compressed.
  mutating func add(_ name: String, in container: Int, size: Int?, isCompressed: Bool) {
    items.append(
      Item(
        start: names.count, length: UInt32(name.utf8.count), container: Int32(container),
        size: isCompressed ? -1 : size ?? -1, isCompressed: isCompressed))
    names.append(contentsOf: name.utf8)
  }

  /// The files on disk first, then what archives and compressed files hold; otherwise as found.
  mutating func putPlainFirst() {
    let isPlain = { [containers] (item: Item) in
      containers[Int(item.container)].kind != .archive && !item.isCompressed
    }
    items = items.filter(isPlain) + items.filter { !isPlain($0) }
  }
}
