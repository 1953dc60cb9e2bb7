// The raw files of a data set: a folder, an archive, or both within each other, as a list of entries that open as
// streams. A file counts under its plain name however it is packed: `HIGGS.csv`, `HIGGS.csv.gz` and a zip holding
// either all have the entry `HIGGS.csv`.

import Basics
import Glibc

/// One raw file, perhaps inside archives.
struct RawEntry: Equatable, Sendable {
  /// Path below the source, archives as folders, compression suffix removed.
  let name: String
  /// The file on disk.
  let file: String
  /// The names inside it, outermost archive first; the empty name stands for the only content of a compressed file.
  let inside: [String]
  /// Bytes as read, when known.
  let size: Int?

  /// What messages call it.
  var place: String { ([file] + inside.filter { !$0.isEmpty }).joined(separator: ":") }

  func open() throws -> ByteStream {
    guard !inside.isEmpty else { return try FileStream(file) }
    var place = file
    var stream: ByteStream?
    for name in inside {
      if name.isEmpty && ArchiveKind.isGzip(place) {
        stream = try GzipStream(stream ?? FileStream(file), place: place)
        continue
      }
      let kind: ArchiveKind = name.isEmpty ? .single : .folder
      let reader =
        try stream.map { try ArchiveReader(stream: $0, place: place, kind: kind) }
        ?? ArchiveReader(path: file, kind: kind)
      while true {
        guard let entry = try reader.next() else {
          throw Failure(.badData, at: place, "expected the entry '\(name)', found it gone")
        }
        if name.isEmpty || entry.name == name { break }
      }
      stream = reader
      if !name.isEmpty { place += ":" + name }
    }
    return stream!
  }
}

/// A folder or an archive that `--raw` names.
struct RawSource {
  let path: String
  /// Plain files first, then what compressed files and archives hold.
  let entries: [RawEntry]

  private static let mostDepth = 8

  /// Lists everything; archives are opened for their lists of names only.
  /// - Throws: missingInput when there is nothing at `path`, badData for an archive that cannot be listed.
  init(_ path: String) throws {
    guard Files.exists(path) else {
      throw Failure(
        .missingInput, at: path,
        "expected a folder or an archive with the raw files, found nothing",
        remedy: "Give the place of the downloaded data with --raw.")
    }
    self.path = path
    var plain: [RawEntry] = []
    var packed: [RawEntry] = []
    func visit(_ file: String, _ name: String, _ depth: Int) throws {
      if Files.isFolder(file) {
        guard depth < Self.mostDepth else { return }
        for child in try Files.list(file) {
          try visit(file + "/" + child, name.isEmpty ? child : name + "/" + child, depth + 1)
        }
      } else if let kind = ArchiveKind(name: file) {
        packed += try Self.contents(
          file: file, name: name.isEmpty ? Files.name(of: file) : name, kind)
      } else if !file.hasSuffix(unfinishedSuffix) {
        plain.append(
          RawEntry(
            name: name.isEmpty ? Files.name(of: file) : name, file: file, inside: [],
            size: try Files.size(file)))
      }
    }
    try visit(path, "", 0)
    entries = plain + packed
  }

  /// The entries whose last path component is one of `names`, in the order of `names`, the first of each name.
  func find(_ names: [String], under folder: String? = nil) -> [String: RawEntry] {
    var found: [String: RawEntry] = [:]
    for entry in entries {
      let parts = entry.name.split(separator: "/")
      guard let last = parts.last.map(String.init), names.contains(last), found[last] == nil,
        folder.map({ parts.dropLast().last == $0[...] }) ?? true
      else { continue }
      found[last] = entry
    }
    return found
  }

  /// The entry of that file name.
  /// - Throws: missingInput, which says what was looked for.
  func require(_ name: String, of dataset: String) throws -> RawEntry {
    guard let entry = find([name])[name] else { throw missing(name, dataset) }
    return entry
  }

  func missing(_ what: String, _ dataset: String) -> Failure {
    Failure(
      .missingInput, at: path, "expected \(what), found no such file there or in archives there",
      remedy: "The raw layout of \(dataset): metamae-prep list")
  }

  private static func contents(file: String, name: String, _ kind: ArchiveKind) throws
    -> [RawEntry]
  {
    if kind == .single {
      return [RawEntry(name: unpackedName(name), file: file, inside: [""], size: nil)]
    }
    return try list(ArchiveReader(path: file, kind: kind), file: file, name: name, inside: [])
  }

  private static func list(
    _ archive: ArchiveReader, file: String, name: String, inside: [String]
  ) throws -> [RawEntry] {
    var found: [RawEntry] = []
    while let entry = try archive.next() {
      guard entry.isFile else { continue }
      let path = name + "/" + entry.name
      switch ArchiveKind(name: entry.name) {
      case .folder where inside.isEmpty:
        let place = ([file] + inside + [entry.name]).joined(separator: ":")
        let inner = try ArchiveReader(stream: archive, place: place, kind: .folder)
        found += try list(inner, file: file, name: path, inside: inside + [entry.name])
      case .single:
        found.append(
          RawEntry(
            name: unpackedName(path), file: file, inside: inside + [entry.name, ""], size: nil))
      default:
        found.append(
          RawEntry(name: path, file: file, inside: inside + [entry.name], size: entry.size))
      }
    }
    return found
  }

  private static func unpackedName(_ name: String) -> String {
    String(name[..<name.lastIndex(of: ".")!])
  }
}
