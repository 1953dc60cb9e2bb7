// `--dry-run`: what a build would read and write, and about how long it would take, from a second of decoding. Nothing
// stays behind.

import Basics
import Foundation
import Glibc
import ShardFormat

/// An estimate; times and sizes are rough, records are exact where the raw data says.
public struct BuildEstimate: Encodable, Sendable {
  public var dataset: String
  public var rawBytes: Int
  /// nil where only decoding tells.
  public var records: Int?
  /// At most: decoded records and shards at once.
  public var diskBytes: Int
  public var freeBytes: Int
  public var seconds: Double
}

extension ShardBuild {
  private static let sampleSeconds = 0.5
  /// Bytes a second that one process compresses and writes (zstd, an ordinary disk).
  private static let storedRate = 150e6

  private struct Enough: Error {}

  /// Decodes for about a second to see how fast it goes.
  public func estimate() throws -> BuildEstimate {
    let (raw, decoded) = try expectedBytes()
    let began = monotonicSeconds()
    let scratch = NSTemporaryDirectory() + "/metamae-prep-\(getpid()).dry"
    defer { unlink(scratch) }
    let jobs = Double(request.jobs)
    var seconds = 0.0
    var records: Int?
    if let reader = reader as? any FileTreeReader {
      records = reader.tree.count
      let walk = FileWalk(reader.tree.listing, mostBytes: reader.mostFileBytes)
      let record = UnsafeMutableRawPointer.allocate(byteCount: reader.recordBytes, alignment: 64)
      defer { record.deallocate() }
      var count = 0
      for row in reader.tree.runs().order {
        try? reader.decode(
          try walk.bytes(of: Int(reader.tree.entries[Int(row)])), row: Int(row), into: record)
        count += 1
        if monotonicSeconds() - began > Self.sampleSeconds { break }
      }
      seconds = (monotonicSeconds() - began) / Double(max(count, 1)) * Double(reader.tree.count)
    } else if let reader = reader as? any DatasetReader {
      var read = 0
      let sink = try RecordSink(path: scratch, recordBytes: reader.recordBytes) { read += $0 }
      sink.stopAt = (began + Self.sampleSeconds, Enough())
      var parts = 0
      do {
        for part in reader.parts.indices {
          _ = try reader.decode(part: part, share: .all, into: sink)
          parts += 1
          read = try reader.parts[..<parts].reduce(0) {
            try $0 + ($1.size ?? 4 * Files.size($1.file))
          }
        }
      } catch is Enough {}
      seconds = (monotonicSeconds() - began) * Double(raw) / Double(max(read, 1))
    }
    return BuildEstimate(
      dataset: reader.dataset, rawBytes: raw, records: records, diskBytes: Int(2.2 * decoded),
      freeBytes: try Files.freeBytes(at: Self.existing(request.output)),
      seconds: (seconds + decoded / Self.storedRate) / jobs)
  }

  /// The folder itself or the nearest one above it that exists.
  private static func existing(_ path: String) -> String {
    var path = path
    while !Files.isFolder(path), Files.parent(of: path) != path { path = Files.parent(of: path) }
    return path
  }
}
