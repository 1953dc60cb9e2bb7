// What the speech readers share: one picture a clip, from the end that a coin names, and the splits' description.

import Basics
import ShardFormat

/// Pictures of clips. One in each process; made when the first clip comes.
final class SpeechDecoder: @unchecked Sendable {
  private var byRate: [Int: LogMel] = [:]

  /// Decodes a recording and stores the picture of its first or last `LogMel.length` samples.
  /// - Parameter isTail: which end of a longer recording.
  func store(
    _ bytes: UnsafeRawBufferPointer, at place: String, isTail: Bool,
    into record: UnsafeMutableRawPointer
  ) throws {
    let clip = try AudioFile.read(bytes, place: place, keeping: LogMel.length)
    guard (1000...1_000_000).contains(clip.rate) else {
      throw Failure(
        .badData, at: place, "expected a rate of 1000 to 1000000 Hz, found \(clip.rate)")
    }
    let mel: LogMel
    if let known = byRate[clip.rate] {
      mel = known
    } else {
      // A tree of one rate needs one; another tree of many must not fill the memory.
      if byRate.count >= 8 { byRate.removeAll() }
      mel = LogMel(rate: clip.rate)
      byRate[clip.rate] = mel
    }
    mel.compute(isTail ? clip.tail : clip.head, into: record)
  }
}

/// A set of clips to train on and, after them in the tree, to test on.
protocol LabelledSpeech: FileTreeReader {
  var speechSet: SpeechSet { get }
  var decoder: SpeechDecoder { get }
  var classNames: [String] { get }
  /// The class of each row of the tree.
  var labels: [UInt16] { get }
  var trainCount: Int { get }
}

extension LabelledSpeech {
  var dataset: String { speechSet.rawValue }
  var recordBytes: Int { LogMel.byteCount }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  {
    try decoder.store(
      bytes, at: tree.place(row), isTail: row < trainCount && SpeechSet.showsTail(row),
      into: record)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let cut = Int32(trainCount)
    return [
      speechSet.plan("train", Array(0..<cut), labels: labels, names: classNames),
      speechSet.plan("test", Array(cut..<Int32(tree.count)), labels: labels, names: classNames),
    ]
  }
}

extension SpeechSet {
  /// Which end of a clip longer than `LogMel.length` a record for training shows: a fair coin by its number
  /// (datasets.md 8.1, step 2). A part that is tested on shows the first samples.
  static func showsTail(_ row: Int) -> Bool {
    var stream = RandomStream(RandomKey(seed: 0, "end of a clip", UInt64(row)))
    return stream.next() & 1 == 1
  }

  /// - Parameters:
  ///   - labels: the class of each row of the tree; nil for a split without labels.
  ///   - names: of the classes.
  func plan(_ split: String, _ rows: [Int32], labels: [UInt16]?, names: [String]) -> SplitPlan {
    let columns = labels.map { labels in
      rows.flatMap { row in withUnsafeBytes(of: labels[Int(row)].littleEndian) { Array($0) } }
    }
    return SplitPlan(
      split: split, inputs: [input],
      fields: [Field("input.0", .float32, Self.shape)]
        + (labels == nil ? [] : [Field("label", .uint16, [])]),
      task: labels == nil
        ? .none
        : TaskDescription(
          kind: "classes", classes: names.count, names: names, metric: "accuracy"),
      transforms: [transform], content: .records(rows), columns: columns ?? [])
  }
}
