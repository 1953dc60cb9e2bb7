// `metamae-prep merge` puts the pieces of a build together and stores them, byte for byte what a single build stores.

import Basics
import Foundation
import Glibc
import ShardFormat

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

extension ShardBuild {
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
      decoded.digest = try Checksum.xxh128(file: digests)
    }
    try folder.keep(decoded)
    return decoded
  }
}
