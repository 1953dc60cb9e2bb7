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
  let entries: RawListing

  private static let mostDepth = 16

  /// Lists everything; archives are opened for their lists of names only.
  /// - Throws: missingInput when there is nothing at `path`, badData for an archive that cannot be listed.
  init(_ path: String) throws {
    guard Files.exists(path) else {
      throw Failure(
        .missingInput, at: path,
        "expected a folder or an archive with the raw files, found nothing",
        remedy: "Give the place of the downloaded data with --raw.")
    }
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    self.path = path
    var listing = RawListing()
    if Files.isFolder(path) {
      let root = listing.add(RawContainer(kind: .folder, file: path))
      try Self.visit(path, "", root, 0, &listing)
    } else {
      let name = Files.name(of: path)
      if ArchiveKind(name: name) == .folder {
        try Self.list(path, name: name, &listing)
      } else {
        let isCompressed = ArchiveKind(name: name) == .single
        listing.add(
          name, in: listing.add(RawContainer(kind: .single, file: path)),
          size: try Files.size(path), isCompressed: isCompressed)
      }
    }
    listing.putPlainFirst()
    entries = listing
  }

  /// Everything below a folder, names in byte order.
  private static func visit(
    _ folder: String, _ prefix: String, _ root: Int, _ depth: Int, _ listing: inout RawListing
  ) throws {
    for child in try Files.list(folder) where !child.hasSuffix(unfinishedSuffix) {
      let file = folder + "/" + child
      let name = prefix + child
      let found = try Files.status(file)
      if found.isFolder {
        guard depth < mostDepth else { continue }
        try visit(file, name + "/", root, depth + 1, &listing)
      } else if ArchiveKind(name: child) == .folder {
        try list(file, name: name, &listing)
      } else {
        let isCompressed = ArchiveKind(name: child) == .single
        listing.add(name, in: root, size: found.size, isCompressed: isCompressed)
      }
    }
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

  /// What an archive on disk holds, archives within it one level down included.
  private static func list(_ file: String, name: String, _ listing: inout RawListing) throws {
    let container = RawContainer(kind: .archive, file: file, prefix: name + "/")
    try list(
      ArchiveReader(path: file, kind: .folder, skips: true), container, listing.add(container),
      &listing)
  }

  private static func list(
    _ archive: ArchiveReader, _ container: RawContainer, _ number: Int, _ listing: inout RawListing
  ) throws {
    while let entry = try archive.next() {
      guard entry.isFile else { continue }
      let name = container.prefix + entry.name
      let kind = ArchiveKind(name: entry.name)
      guard kind == .folder, container.inside.isEmpty else {
        listing.add(name, in: number, size: entry.size, isCompressed: kind == .single)
        continue
      }
      var inner = RawContainer(
        kind: .archive, file: container.file, inside: [entry.name], prefix: name + "/")
      inner.range = try archive.plainRange(of: entry)
      let place = ([container.file] + inner.inside).joined(separator: ":")
      let reader =
        try inner.range.map {
          try ArchiveReader(path: container.file, range: $0, place: place, skips: true)
        } ?? ArchiveReader(stream: archive, place: place, kind: .folder)
      try list(reader, inner, listing.add(inner), &listing)
    }
  }
}
