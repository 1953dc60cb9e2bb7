// What a reader of one dataset tells the builder: which raw files, how one of them decodes to records, and which
// records make which split. Each conformer is one file that reads like its section of datasets.md.

import Basics
import Foundation
import ShardFormat

/// A dataset that can be built: `DatasetReader` for a few large files, `FileTreeReader` for many small ones.
protocol BuildableSet: Sendable {
  /// Canonical name: the folder under `--out`.
  var dataset: String { get }
  /// Bytes of a decoded record: the stored fields one after the other, but for those that `SplitPlan.columns` holds.
  var recordBytes: Int { get }
  /// What a reader of the numbers should know.
  var notes: [String] { get }
  /// Whether `--on-bad-record skip` makes sense: not where records are stretches of rows.
  var canSkipRecords: Bool { get }
  /// The splits that these raw files make; nil for all of the registry's.
  var splitNames: [String]? { get }

  /// The splits, given what all parts turned out to hold.
  func splits(of contents: [PartContents]) throws -> [SplitPlan]
}

/// A dataset's raw files, found and ready to decode.
///
/// A part is one raw file. Decoding turns it into records of `recordBytes`: the fields of the stored format one after
/// the other. It runs in forked processes: plain Swift, no printing.
protocol DatasetReader: BuildableSet {
  var parts: [RawEntry] { get }
  /// Whether several processes may share the rows of one part; else each part belongs to one process.
  var partsAreDivisible: Bool { get }
  /// Decoded bytes to expect of a byte of raw text, for the estimate of free space.
  var decodedShare: Double { get }

  /// Decodes the rows of `share` and counts them all; `sink.attempt` lets bad ones be skipped.
  /// - Throws: badData with file and line, row or record.
  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents
}

/// A dataset that is a tree of many files with one record each (images, clips). Row r is the record of `tree.entry(r)`;
/// `splits` gets one part of `tree.count` rows. Labels and whatever else does not come out of the file itself go into
/// `SplitPlan.columns`.
protocol FileTreeReader: BuildableSet {
  var tree: FileTree { get }
  /// Lists and tables beside the tree that the splits follow from: they count as raw files.
  var tables: [RawEntry] { get }
  /// Larger files are refused.
  var mostFileBytes: Int { get }

  /// Decodes the bytes of one file. It runs in forked processes: plain Swift and C, no threads, no printing.
  /// - Throws: badData with the file's place (`tree.place(row)`) and, where known, the offset.
  func decode(
    _ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer) throws
}

extension BuildableSet {
  var canSkipRecords: Bool { false }
  var splitNames: [String]? { nil }
  var notes: [String] { [] }
}

extension FileTreeReader {
  var canSkipRecords: Bool { true }
  var tables: [RawEntry] { [] }
  var mostFileBytes: Int { 1 << 28 }
}

/// Which rows one of several processes decodes: runs of consecutive rows, dealt round; of a build with `--part` first
/// among the parts, then among the processes, so that a part's rows do not depend on `--jobs`.
struct RowShare: Sendable {
  let index: Int
  let count: Int
  var part = BuildPart.whole
  static let all = RowShare(index: 0, count: 1)
  static let run = 128

  func holds(_ row: Int) -> Bool {
    let run = row / Self.run
    return run % part.count == part.index && run / part.count % count == index
  }
}

/// One of the pieces that a build is divided into: `--part I/N`.
public struct BuildPart: Codable, Equatable, Sendable {
  /// From 0.
  public var index: Int
  public var count: Int

  public init(index: Int, count: Int) { (self.index, self.count) = (index, count) }

  public static let whole = BuildPart(index: 0, count: 1)
  var isWhole: Bool { count == 1 }

  /// The folder below OUT/NAME that holds it.
  var name: String { "part-\(index + 1)-of-\(count)" }

  /// Its piece of a list, one behind the other.
  func range(of count: Int) -> Range<Int> {
    (count * index / self.count)..<(count * (index + 1) / self.count)
  }
}

/// What a part turned out to hold.
struct PartContents: Codable, Equatable, Sendable {
  var rowCount: Int
  /// Of a windowed set: its rows by activity, in the order in which they were written.
  var segments: [RawSegment] = []
  /// Of a windowed set: every activity id that occurs, ascending.
  var activities: [Int] = []
  /// Of a set whose classes are found in the data: the codes among the rows decoded, ascending.
  var codes: [Int] = []
  /// Of a set whose splits follow from the data: a byte a row, meaning what the reader says.
  var marks: Data?

  /// What several processes found that shared the part.
  static func merged(_ shares: [PartContents]) -> PartContents {
    var whole = shares[0]
    precondition(shares.allSatisfy { $0.rowCount == whole.rowCount }, "shares count all rows")
    whole.codes = Set(shares.flatMap(\.codes)).sorted()
    return whole
  }

  struct RawSegment: Codable, Equatable, Sendable {
    var activity: Int
    var rowCount: Int
  }
}

/// One split as it will be stored.
struct SplitPlan: Sendable {
  var split: String
  var inputs: [InputDescription]
  var fields: [Field]
  var task: TaskDescription
  var transforms: [Transform]
  /// Replace the transforms by per-channel normalisation with the training part's statistics.
  var isNormalised = false
  /// The decoded label is one of these int32 codes (ascending); its place among them is stored.
  var labelCodes: [Int]?
  var content: Content
  /// Fields that do not come from decoded records, labels for instance: the bytes of the last fields, record after
  /// record in the split's order. Empty, or as long as there are records.
  var columns: [UInt8] = []

  enum Content: Sendable {
    /// Row numbers over all parts, in record order.
    case records([Int32])
    case windows([SegmentPlan], Sampling)
  }

  struct SegmentPlan: Equatable, Sendable {
    /// Row number over all parts.
    var firstRow: Int
    var rowCount: Int
    var label: Int
    var group: String
  }

  /// The first `count` records, or windows, of the split.
  func limited(to count: Int?) -> SplitPlan {
    guard let count else { return self }
    var plan = self
    switch content {
    case .records(let rows): plan.content = .records(Array(rows.prefix(count)))
    case .windows(let segments, var sampling):
      sampling.perEpoch = min(sampling.perEpoch, count)
      plan.content = .windows(segments, sampling)
    }
    return plan
  }

  /// The split but for some rows.
  func leavingOut(_ left: Set<Int32>) -> SplitPlan {
    guard !left.isEmpty, case .records(let rows) = content else { return self }
    var plan = self
    let kept = rows.indices.filter { !left.contains(rows[$0]) }
    plan.content = .records(kept.map { rows[$0] })
    let width = rows.isEmpty ? 0 : columns.count / rows.count
    plan.columns = kept.flatMap { columns[($0 * width)..<(($0 + 1) * width)] }
    return plan
  }
}
