// The record files of a TensorFlow Datasets folder: one split's shards in order, complete, and the order in which
// TensorFlow Datasets delivers them (datasets.md 2.5, step 4).

import Basics
import Foundation

struct TFDSRecords {
  /// `NAME-SPLIT.tfrecord-0000K-of-0000S`, K ascending.
  let files: [RawEntry]
  /// Records of each file as `dataset_info.json` says; nil without that file.
  let lengths: [Int]?

  /// - Returns: nil when the source holds no record file of that set and split.
  /// - Throws: missingInput when some of its files are not there.
  init?(_ source: RawSource, name: String, split: String) throws {
    let prefix = "\(name)-\(split).tfrecord-"
    var found: [Int: RawEntry] = [:]
    var total: Int?
    for entry in source.entries {
      let file = Files.name(of: entry.name)
      guard file.hasPrefix(prefix) else { continue }
      let words = file.dropFirst(prefix.count).components(separatedBy: "-of-")
      guard words.count == 2, let k = Int(words[0]), let count = Int(words[1]), k >= 0, k < count,
        found[k] == nil, total == nil || total == count
      else { continue }
      (found[k], total) = (entry, count)
    }
    guard let total else { return nil }
    func text(_ number: Int) -> String {
      String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number)
    }
    // Absent ones are named one by one: a lying name must not make a long list.
    for k in 0..<total where found[k] == nil {
      throw source.missing("\(prefix)\(text(k))-of-\(text(total))", name)
    }
    files = (0..<total).map { found[$0]! }
    lengths = try Self.lengths(source, name, split, total)
  }

  private struct Information: Decodable {
    struct Split: Decodable {
      let name: String
      let shardLengths: [String]?
    }
    let name: String?
    let splits: [Split]?
  }

  private static func lengths(_ source: RawSource, _ name: String, _ split: String, _ count: Int)
    throws -> [Int]?
  {
    for entry in source.entries where Files.name(of: entry.name) == "dataset_info.json" {
      let bytes = try entry.contents(atMost: 1 << 24)
      guard let information = try? JSONDecoder().decode(Information.self, from: Data(bytes)),
        information.name == name,
        let lengths = information.splits?.first(where: { $0.name == split })?.shardLengths
      else { continue }
      let numbers = lengths.compactMap { Int($0) }
      if numbers.count == count && lengths.count == count { return numbers }
    }
    return nil
  }

  /// - Throws: badData when a file holds another number of records than the folder's description says.
  func check(_ contents: [PartContents]) throws {
    guard let lengths else { return }
    for (k, file) in files.enumerated() where contents[k].rowCount != lengths[k] {
      throw Failure(
        .badData, at: file.place,
        "expected \(lengths[k]) records as dataset_info.json says, found \(contents[k].rowCount)",
        remedy: "The file is truncated or of another version; get it again.")
    }
  }

  /// Position -> row over all files.
  func delivered(_ contents: [PartContents]) -> [Int32] {
    let lengths = contents.map(\.rowCount)
    return DeliveredOrder.interleaved(
      (0..<Int32(lengths.reduce(0, +))).map { $0 }, lengths: lengths)
  }
}

extension RawEntry {
  /// The whole of a small file.
  /// - Throws: badData for one of more than `limit` bytes.
  func contents(atMost limit: Int) throws -> [UInt8] {
    try open().contents(atMost: limit, at: place, called: "bytes")
  }
}

extension ByteStream {
  /// All that is left of the stream.
  /// - Throws: badData at `place` for more than `limit` of what `unit` names.
  func contents(atMost limit: Int, at place: String, called unit: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    defer { chunk.deallocate() }
    while true {
      let count = try read(into: chunk)
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else {
        throw Failure(.badData, at: place, "expected at most \(limit) \(unit), found more")
      }
      bytes += chunk[..<count]
    }
  }
}
