// Builds in pieces: `--part I/N` decodes one piece of the raw records into OUT/NAME/part-I-of-N, on any machine;
// `metamae-prep merge` puts the pieces together and stores them, byte for byte what a single build stores.

import Basics
import Foundation
import Glibc
import ShardFormat

/// What a finished piece is: `part.json`, written last.
struct BuiltPart: Codable {
  static let fileName = "part.json"

  struct File: Codable, Equatable {
    var name: String
    var bytes: Int
    var sha256: String
  }

  var part: BuildPart
  /// What was asked for, but for where it goes.
  var request: BuildRequest
  var provenance: Provenance
  var recordBytes: Int
  var decoded: BuildFolder.Decoded
  /// `records-K`: the piece's rows of raw file K; `digests`: of a tree, the SHA-256 of their files.
  var files: [File]

  static func read(_ folder: String) throws -> BuiltPart {
    let path = folder + "/" + fileName
    do {
      return try JSONDecoder().decode(BuiltPart.self, from: Data(try Files.read(path)))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(
        .badData, at: path, "expected the description of a build's part, found another content",
        remedy: "Remove the folder and build the part again.")
    }
  }

  /// - Throws: badData for a file that is gone, cut or changed.
  func check(_ folder: String) throws {
    for file in files {
      let path = folder + "/" + file.name
      guard Files.exists(path), try Files.size(path) == file.bytes,
        try Digest.sha256(file: path) == file.sha256
      else {
        throw Failure(
          .badData, at: path,
          "expected \(file.bytes) bytes of SHA-256 \(file.sha256), found others",
          remedy: "Remove the folder \(folder) and build the part again.")
      }
    }
  }
}

extension ShardBuild {
  /// Decodes the piece that was asked for.
  /// - Returns: its folder, the raw records in it, and whether it was there already.
  public func runPart() throws -> (folder: String, records: Int, wasThere: Bool) {
    let provenance = try provenance()
    let folder = try BuildFolder(
      output: request.output + "/" + reader.dataset, dataset: request.part.name)
    let description = folder.path + "/" + BuiltPart.fileName
    if Files.exists(description) {
      let there = try BuiltPart.read(folder.path)
      guard there.provenance.isBuild(of: provenance) else {
        throw refusal(folder.path, there.provenance, provenance)
      }
      try there.check(folder.path)
      return (folder.path, records(there.decoded, there.part), true)
    }
    do {
      let decoded = try folder.prepare(try plan(provenance)) ?? decode(into: folder)
      let files = try pack(decoded, from: folder)
      let built = BuiltPart(
        part: request.part, request: request, provenance: provenance,
        recordBytes: reader.recordBytes, decoded: decoded, files: files)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      try Files.writeAtomically(
        String(decoding: try encoder.encode(built), as: UTF8.self), to: description)
      try Files.remove(folder.scratch)
      return (folder.path, records(decoded, request.part), false)
    } catch let failure as Failure where failure.kind == .interrupted {
      throw failure
    } catch {
      try? Files.remove(folder.path)
      throw error
    }
  }

  private func records(_ decoded: BuildFolder.Decoded, _ part: BuildPart) -> Int {
    decoded.contents.indices.reduce(0) { sum, file in
      sum
        + ranges(of: part, file: file, rows: decoded.contents[file].rowCount).reduce(0) {
          $0 + $1.count
        }
    }
  }

  /// The rows of a raw file that a piece holds, in the order in which it keeps them.
  private func ranges(of part: BuildPart, file: Int, rows: Int) -> [Range<Int>] {
    if let tree = (reader as? any FileTreeReader)?.tree {
      var found: [Range<Int>] = []
      for row in tree.runs(part).order[part.range(of: rows)].map({ Int($0) }) {
        if let last = found.last, last.upperBound == row {
          found[found.count - 1] = last.lowerBound..<(row + 1)
        } else {
          found.append(row..<(row + 1))
        }
      }
      return found
    }
    guard (reader as? any DatasetReader)?.partsAreDivisible ?? false else {
      return file % part.count == part.index ? [0..<rows] : []
    }
    return RowShare(index: 0, count: 1, part: part).ranges(of: rows)
  }

  // MARK: Packing

  private func pack(_ decoded: BuildFolder.Decoded, from folder: BuildFolder) throws
    -> [BuiltPart.File]
  {
    var files: [BuiltPart.File] = []
    func pack(_ name: String, from scratch: String, _ width: Int, _ ranges: [Range<Int>]) throws {
      let path = folder.path + "/" + name
      try Files.remove(path)
      let target = try RandomFile(path, isWritten: true)
      if !ranges.isEmpty {
        let source = try RandomFile(scratch, isWritten: false)
        var place = 0
        for rows in ranges {
          try target.copy(
            from: source, at: rows.lowerBound * width, count: rows.count * width, to: place)
          place += rows.count * width
        }
      }
      try target.sync()
      files.append(
        .init(name: name, bytes: try Files.size(path), sha256: try Digest.sha256(file: path)))
    }
    for (file, contents) in decoded.contents.enumerated() {
      let rows = ranges(of: request.part, file: file, rows: contents.rowCount)
      try pack("records-\(file)", from: folder.scratchFile(file), reader.recordBytes, rows)
      if decoded.digest != nil {
        try pack(
          "digests", from: folder.scratch + "/digests", TreeDecode.digestBytes, rows)
      }
    }
    return files
  }

  // MARK: Merging

  /// The pieces' records in their places, as if they had been decoded here.
  func assemble(_ parts: [(folder: String, built: BuiltPart)], into folder: BuildFolder) throws
    -> BuildFolder.Decoded
  {
    for (place, built) in parts { try built.check(place) }
    let first = parts[0].built.decoded
    let isDivided =
      reader is any FileTreeReader || (reader as? any DatasetReader)?.partsAreDivisible ?? false
    var decoded = BuildFolder.Decoded(
      contents: first.contents.indices.map { file in
        isDivided
          ? PartContents.merged(parts.map { $0.built.decoded.contents[file] })
          : parts[file % parts.count].built.decoded.contents[file]
      },
      skipped: parts.flatMap(\.built.decoded.skipped).sorted {
        ($0.part, $0.row) < ($1.part, $1.row)
      })
    func unpack(_ name: String, to scratch: String, _ width: Int, file: Int) throws {
      try Files.remove(scratch)
      let target = try RandomFile(scratch, isWritten: true)
      for (place, built) in parts {
        let source = try RandomFile(place + "/" + name, isWritten: false)
        var start = 0
        for rows in ranges(of: built.part, file: file, rows: decoded.contents[file].rowCount) {
          try target.copy(
            from: source, at: start, count: rows.count * width, to: rows.lowerBound * width)
          start += rows.count * width
        }
      }
    }
    for file in decoded.contents.indices {
      try unpack("records-\(file)", to: folder.scratchFile(file), reader.recordBytes, file: file)
    }
    if first.digest != nil {
      let digests = folder.scratch + "/digests"
      try unpack("digests", to: digests, TreeDecode.digestBytes, file: 0)
      decoded.digest = try Digest.sha256(file: digests)
    }
    try folder.keep(decoded)
    return decoded
  }
}

extension RowShare {
  /// The part's rows as ranges, ascending.
  func ranges(of rows: Int) -> [Range<Int>] {
    stride(from: part.index * Self.run, to: rows, by: part.count * Self.run).map {
      $0..<min($0 + Self.run, rows)
    }
  }
}

/// A finished piece of a build, for `metamae-prep verify`.
public struct PartFolder: Sendable {
  public let path: String
  public let files: Int
  public let bytes: Int
  private let built: BuiltPart

  /// The piece in a folder; nil when there is none.
  /// - Throws: badData for a description that cannot be read.
  public init?(_ path: String) throws {
    guard Files.exists(path + "/" + BuiltPart.fileName) else { return nil }
    built = try BuiltPart.read(path)
    self.path = path
    files = built.files.count
    bytes = built.files.reduce(0) { $0 + $1.bytes }
  }

  /// - Throws: badData for a file that is gone, cut or changed.
  public func check() throws { try built.check(path) }
}

/// The pieces below some folders, ready to be merged.
public struct PartMerge {
  private let parts: [(folder: String, built: BuiltPart)]
  private let request: BuildRequest

  /// - Parameters:
  ///   - folders: at or above the pieces.
  ///   - raw: the raw data, when it lies elsewhere than it did for the pieces.
  ///   - output: where NAME/ goes; nil: where the first piece is.
  /// - Throws: missingInput when a piece is not there; usage for pieces of different builds.
  public init(_ folders: [String], raw: String?, output: String?, jobs: Int) throws {
    var found: [(folder: String, built: BuiltPart)] = []
    for folder in folders { try Self.find(folder, 0, &found) }
    guard let first = found.first else {
      throw Failure(
        .missingInput, at: folders[0], "expected parts of a build (part-I-of-N), found none",
        remedy: "Make them with: metamae-prep build-shards --part I/N")
    }
    let count = first.built.part.count
    var byIndex: [Int: (folder: String, built: BuiltPart)] = [:]
    for part in found {
      guard part.built.part.count == count,
        part.built.provenance.isBuild(of: first.built.provenance),
        part.built.recordBytes == first.built.recordBytes
      else {
        throw Failure(
          .usage, at: part.folder,
          "expected a part of the same build as \(first.folder), found another",
          remedy: "Name the folders of one build's parts.")
      }
      if byIndex[part.built.part.index] == nil { byIndex[part.built.part.index] = part }
    }
    if let absent = (0..<count).first(where: { byIndex[$0] == nil }) {
      throw Failure(
        .missingInput, at: folders[0], "expected part \(absent + 1) of \(count), found it nowhere",
        remedy: "Build it with: metamae-prep build-shards ... --part \(absent + 1)/\(count)")
    }
    parts = (0..<count).map { byIndex[$0]! }
    var request = first.built.request
    request.part = .whole
    request.raw = raw ?? request.raw
    request.output = output ?? Files.parent(of: Files.parent(of: first.folder))
    request.jobs = jobs
    self.request = request
  }

  private static func find(
    _ folder: String, _ depth: Int, _ found: inout [(folder: String, built: BuiltPart)]
  ) throws {
    guard Files.isFolder(folder) else {
      throw Failure(.missingInput, at: folder, "expected a folder with parts, found none")
    }
    if Files.exists(folder + "/" + BuiltPart.fileName) {
      found.append((folder, try BuiltPart.read(folder)))
      return
    }
    guard depth < 4 else { return }
    for name in try Files.list(folder) where !name.hasSuffix(unfinishedSuffix) {
      if Files.isFolder(folder + "/" + name) { try find(folder + "/" + name, depth + 1, &found) }
    }
  }

  /// Stores all splits; pieces that lie in the output's own folder are removed when that is done.
  public func run(_ observer: any BuildObserver) throws -> BuildReport {
    let report = try ShardBuild(request, observer: observer).run(merging: parts)
    for part in parts where Files.parent(of: part.folder) == request.output + "/" + report.dataset {
      try Files.remove(part.folder)
    }
    return report
  }
}

/// A file that is read or written at any place.
private final class RandomFile {
  private let path: String
  private let descriptor: Int32

  init(_ path: String, isWritten: Bool) throws {
    self.path = path
    descriptor = open(path, (isWritten ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
  }

  deinit { close(descriptor) }

  func copy(from source: RandomFile, at start: Int, count: Int, to place: Int) throws {
    let chunk = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(max(count, 1), 1 << 20), alignment: 64)
    defer { chunk.deallocate() }
    var done = 0
    while done < count {
      let got = pread(
        source.descriptor, chunk.baseAddress, min(chunk.count, count - done), off_t(start + done))
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw Failure.system(errno, at: source.path, "cannot read") }
      guard got > 0 else {
        throw Failure(
          .badData, at: source.path, "expected \(count - done) bytes more, found the end")
      }
      var written = 0
      while written < got {
        let put = pwrite(
          descriptor, chunk.baseAddress! + written, got - written, off_t(place + done + written))
        if put < 0 && errno == EINTR { continue }
        guard put >= 0 else { throw Failure.system(errno, at: path, "cannot write") }
        written += put
      }
      done += got
    }
  }

  func sync() throws {
    guard fsync(descriptor) == 0 else { throw Failure.system(errno, at: path, "cannot sync") }
  }
}
