// Sets that are trees of many files: which file makes which record, and how a run of them is read, from a folder or an
// archive, without unpacking it. An archive is walked forwards only, so that runs are cut in the archive's own order.

import Basics
import Glibc

/// The files of a tree, one record each, in the order of the records.
struct FileTree: Sendable {
  let listing: RawListing
  /// Place in the listing of each row's file. A file may serve several rows.
  let entries: [Int32]
  /// What manifests call the tree.
  let name: String

  var count: Int { entries.count }

  func entry(_ row: Int) -> RawEntry { listing[Int(entries[row])] }
  func place(_ row: Int) -> String { entry(row).place }

  /// Raw bytes of all files; nil when an archive does not say.
  var size: Int? {
    var total = 0
    for entry in entries {
      guard let size = listing.size(at: Int(entry)) else { return nil }
      total += size
    }
    return total
  }

  /// SHA-256 over the lines "size name" of all rows: cheap, so that a build need not read a tree to know it again.
  /// - Parameter withTimes: add when each file on disk was last changed.
  func listingDigest(withTimes: Bool) throws -> String {
    let digest = Digest(.sha256)
    for entry in entries {
      var line = "\(listing.size(at: Int(entry)) ?? -1) \(listing.name(at: Int(entry)))\n"
      if withTimes { line += try "\(Files.status(listing[Int(entry)].file).changed)\n" }
      line.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
    }
    return hexadecimal(digest.finish())
  }

  /// The archives on disk that hold files of the tree, ascending; empty for a plain folder.
  var archives: [String] {
    let used = Set(entries.map { listing.container(at: Int($0)) })
    return Set(
      used.map { listing.containers[$0] }.filter { $0.kind != .folder }.map(\.file)
    ).sorted()
  }
}

/// Rows that one process reads in one go: in the order in which their files stand.
struct FileRun {
  let container: Int
  let rows: ArraySlice<Int32>
}

extension FileTree {
  private static let mostRows = 64

  /// All rows in runs of one container each, files in the order of the listing; the bounds are those of one part.
  /// - Parameter isWanted: of each row; nil for all.
  func runs(_ part: BuildPart = .whole, of isWanted: [Bool]? = nil) -> (
    order: [Int32], bounds: [Range<Int>]
  ) {
    var order = Array(Int32(0)..<Int32(count))
    if let isWanted { order = order.filter { isWanted[Int($0)] } }
    let count = order.count
    let isSorted = zip(entries, entries.dropFirst()).allSatisfy { $0 <= $1 }
    if !isSorted { order.sort { (entries[Int($0)], $0) < (entries[Int($1)], $1) } }
    var bounds: [Range<Int>] = []
    let piece = part.range(of: count)
    var start = piece.lowerBound
    while start < piece.upperBound {
      let container = listing.container(at: Int(entries[Int(order[start])]))
      var end = start
      while end < piece.upperBound, end - start < Self.mostRows,
        listing.container(at: Int(entries[Int(order[end])])) == container
      { end += 1 }
      bounds.append(start..<end)
      start = end
    }
    return (order, bounds)
  }
}

/// Reads whole files of a tree. Within an archive it goes forwards: ask in the order of the listing.
final class FileWalk {
  private let listing: RawListing
  private let mostBytes: Int
  private var container = -1
  private var reader: ArchiveReader?
  /// The archive around `reader`, where that is one entry of it.
  private var outer: (file: String, reader: ArchiveReader)?
  private var buffer: UnsafeMutableRawBufferPointer
  private var lastEntry = -1
  private var lastCount = 0

  /// - Parameter mostBytes: a larger file is refused.
  init(_ listing: RawListing, mostBytes: Int) {
    self.listing = listing
    self.mostBytes = mostBytes
    buffer = .allocate(byteCount: 1 << 18, alignment: 64)
  }

  deinit { buffer.deallocate() }

  /// The bytes of one file, valid until the next call.
  /// - Throws: badData for a damaged archive or a file above the bound; the failures of opening and reading.
  func bytes(of entry: Int) throws -> UnsafeRawBufferPointer {
    if entry != lastEntry {
      lastEntry = -1
      lastCount = try fill(from: open(entry), listing[entry])
      lastEntry = entry
    }
    return UnsafeRawBufferPointer(rebasing: buffer[..<lastCount])
  }

  private func open(_ entry: Int) throws -> ByteStream {
    let number = listing.container(at: entry)
    let place = listing.containers[number]
    let raw = listing[entry]
    guard place.kind == .archive else { return try raw.open() }
    if number != container {
      reader = nil
      container = -1
      reader = try open(place)
      container = number
    }
    let stream = try advance(reader!, to: raw.inside[place.inside.count], at: raw.place)
    guard raw.inside.last == "" else { return stream }
    if ArchiveKind.isGzip(raw.place) { return try GzipStream(stream, place: raw.place) }
    let single = try ArchiveReader(stream: stream, place: raw.place, kind: .single)
    _ = try single.next()
    return single
  }

  private func open(_ place: RawContainer) throws -> ArchiveReader {
    let name = ([place.file] + place.inside).joined(separator: ":")
    if let range = place.range {
      return try ArchiveReader(path: place.file, range: range, place: name)
    }
    guard let inner = place.inside.first else {
      return try ArchiveReader(path: place.file, kind: .folder)
    }
    if outer?.file != place.file {
      outer = (place.file, try ArchiveReader(path: place.file, kind: .folder))
    }
    do {
      let stream = try advance(outer!.reader, to: inner, at: name)
      return try ArchiveReader(stream: stream, place: name, kind: .folder)
    } catch let failure as Failure where failure.problem == Self.gone {
      // It stands before the place reached: begin again.
      outer = (place.file, try ArchiveReader(path: place.file, kind: .folder))
      let stream = try advance(outer!.reader, to: inner, at: name)
      return try ArchiveReader(stream: stream, place: name, kind: .folder)
    }
  }

  private static let gone = "expected this entry in the archive, found it gone"

  private func advance(_ archive: ArchiveReader, to name: String, at place: String) throws
    -> ArchiveReader
  {
    while let entry = try archive.next() { if entry.name == name { return archive } }
    throw Failure(.badData, at: place, Self.gone)
  }

  /// The buffer grows with what is really there, whatever a header says.
  private func fill(from stream: ByteStream, _ entry: RawEntry) throws -> Int {
    var count = 0
    while true {
      if count == buffer.count {
        guard count < mostBytes else {
          throw Failure(
            .badData, at: entry.place,
            "expected at most \(mostBytes) bytes, found more",
            remedy: "It is not a file of this set; remove it, or build with --on-bad-record skip.")
        }
        let larger = UnsafeMutableRawBufferPointer.allocate(
          byteCount: min(2 * count, mostBytes), alignment: 64)
        larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
        buffer.deallocate()
        buffer = larger
      }
      let got = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
      if got == 0 { return count }
      count += got
    }
  }
}
