// Lists and lookup by path, for sets whose publisher ships text files that name the images.

import Basics

extension RawSource {
  /// The lines of a small text file, without empty ones.
  func lines(of entry: RawEntry) throws -> [String] {
    let reader = try LineReader(entry)
    var lines: [String] = []
    while let line = try reader.next() {
      if !line.isEmpty { lines.append(String(decoding: line, as: UTF8.self)) }
    }
    return lines
  }

  /// Lines of two words, cut at the first space: an id and the rest.
  func pairs(of entry: RawEntry) throws -> [(key: String, value: String)] {
    try lines(of: entry).enumerated().map { number, line in
      guard let space = line.firstIndex(of: " "), space != line.startIndex else {
        throw Failure(
          .badData, at: "\(entry.place), line \(number + 1)",
          "expected an id, a space and a value, found '\(line.prefix(80))'")
      }
      return (String(line[..<space]), String(line[line.index(after: space)...]))
    }
  }

  /// Places in the listing of all files whose path goes on after `folder` ("a/b/", "" for all), by what follows.
  func files(under folder: String) -> [String: Int32] {
    var found: [String: Int32] = [:]
    for i in entries.indices {
      let name = entries.name(at: i)
      guard name.utf8.starts(with: folder.utf8) else { continue }
      let rest = String(name.utf8.dropFirst(folder.utf8.count)) ?? ""
      if found[rest] == nil { found[rest] = Int32(i) }
    }
    return found
  }

  /// The folder of an entry with its slash; empty for the source itself.
  static func folder(of entry: RawEntry) -> String {
    guard let slash = entry.name.lastIndex(of: "/") else { return "" }
    return String(entry.name[...slash])
  }
}

/// Images that a publisher's lists name, in the order of the lists.
struct ListedImages {
  private let found: [String: Int32]
  private let folder: String
  private let source: RawSource
  private(set) var entries: [Int32] = []
  private(set) var labels: [UInt16] = []

  /// - Parameter folder: below which the lists' paths go on, with a slash at its end.
  init(_ source: RawSource, folder: String) {
    self.source = source
    self.folder = folder
    found = source.files(under: folder)
  }

  /// - Throws: missingInput for an image that is not there.
  mutating func add(_ path: String, label: Int, listedIn list: RawEntry) throws {
    guard let entry = found[path] else {
      throw Failure(
        .missingInput, at: source.path,
        "expected \(folder)\(path), which \(list.place) lists, found no such image",
        remedy: "Unpack the publisher's whole archive, or give the archive itself.")
    }
    entries.append(entry)
    labels.append(UInt16(label))
  }

  var tree: FileTree {
    FileTree(
      listing: source.entries, entries: entries,
      name: folder.isEmpty ? Files.name(of: source.path) : String(folder.dropLast()))
  }
}
