// Builds in pieces: `--part I/N` decodes one piece of the raw records into OUT/NAME/part-I-of-N, on any machine. How
// they are put together: PartMerge.swift.

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
  /// `records-K`: the piece's rows of raw file K; `digests`: of a tree, the XXH128 of their files.
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
  func ranges(of part: BuildPart, file: Int, rows: Int) -> [Range<Int>] {
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
