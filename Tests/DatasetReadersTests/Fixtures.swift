// Small files in the real formats, made by fixtures/make.py with the formats' own libraries.

import Basics
import Foundation
import TestSupport
import Testing

@testable import DatasetReaders

enum Fixtures {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("fixtures").path

  static func bytes(_ name: String) throws -> [UInt8] { try Files.read(folder + "/" + name) }

  static func entry(_ name: String) throws -> RawEntry {
    try RawSource(folder + "/" + name).entries[0]
  }

  /// What the libraries read back.
  static func expected<Value>(_ key: String, as type: Value.Type = Value.self) throws -> Value {
    let object = try JSONSerialization.jsonObject(with: Data(bytes("expected.json")))
    return try #require((object as? [String: Any])?[key] as? Value)
  }

  static func digest(_ bytes: [UInt8]) -> String {
    hexadecimal(bytes.withUnsafeBytes { Digest.of($0, .sha256) })
  }
}

/// Every row of a tree, decoded in this process.
func decodeAll(_ reader: any FileTreeReader) throws -> [[UInt8]] {
  let walk = FileWalk(reader.tree.listing, mostBytes: reader.mostFileBytes)
  var records = [[UInt8]](repeating: [], count: reader.tree.count)
  for row in reader.tree.runs().order.map({ Int($0) }) {
    let bytes = try walk.bytes(of: Int(reader.tree.entries[row]))
    var record = [UInt8](repeating: 0xEE, count: reader.recordBytes)
    try record.withUnsafeMutableBytes {
      try reader.decode(bytes, row: row, into: $0.baseAddress!)
    }
    records[row] = record
  }
  return records
}

/// Every row of one part, decoded in this process.
func decodeAll(_ reader: any DatasetReader, part: Int) throws -> (PartContents, [[UInt8]]) {
  let folder = try TemporaryFolder()
  let sink = try RecordSink(path: folder.file("part"), recordBytes: reader.recordBytes)
  let contents = try reader.decode(part: part, share: .all, into: sink)
  try sink.flush()
  let bytes = try Files.read(folder.file("part"))
  return (
    contents,
    (0..<contents.rowCount).map {
      Array(bytes[($0 * reader.recordBytes)...].prefix(reader.recordBytes))
    }
  )
}

func rows(_ plan: SplitPlan?) -> [Int32] {
  guard case .records(let rows)? = plan?.content else { return [] }
  return rows
}
