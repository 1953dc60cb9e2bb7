// A reader's raw files decoded as a build does, for the tests of readers.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

/// What a reader made of its raw files, decoded in `shares` shares.
struct Decoded {
  let reader: any DatasetReader
  let contents: [PartContents]
  let plans: [SplitPlan]
  let records: DecodedRecords
  private let folder: TemporaryFolder

  init(_ reader: any DatasetReader, shares: Int = 1) throws {
    folder = try TemporaryFolder()
    self.reader = reader
    let paths = reader.parts.indices.map { [folder] in folder.file("part-\($0)") }
    contents = try reader.parts.indices.map { part in
      var found: [PartContents] = []
      for share in 0..<shares {
        let sink = try RecordSink(path: paths[part], recordBytes: reader.recordBytes)
        found.append(
          try reader.decode(part: part, share: RowShare(index: share, count: shares), into: sink))
        try sink.flush()
      }
      return PartContents.merged(found)
    }
    plans = try reader.splits(of: contents)
    records = try DecodedRecords(
      paths: paths, rowCounts: contents.map(\.rowCount), recordBytes: reader.recordBytes)
  }

  func plan(_ split: String) throws -> SplitPlan { try #require(plans.first { $0.split == split }) }

  func rows(_ split: String) throws -> [Int32] {
    guard case .records(let rows) = try plan(split).content else { return [] }
    return rows
  }
}

func failure(_ body: () throws -> Void) throws -> Failure {
  try #require(throws: Failure.self, performing: body)
}
