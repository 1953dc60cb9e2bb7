// What a user may say of the raw data, beside where they are.

import Basics
import ShardFormat

/// What the user may choose; what a dataset does not use is refused.
public struct ReaderOptions: Codable, Sendable {
  public var format: String?
  public var name: String?
  public var window: Int?
  public var perEpoch: Int?
  public var testSubjects: [Int]?
  public var normalises = true
  /// A table of classes that another build made.
  public var labelsFrom: String?
  /// BERT's `vocab.txt`, where it is not among the raw files.
  public var vocabulary: String?
  /// What the user says about his own rows.
  public var choices = UserChoices()
  /// sequences: column of the sequence, letters of a sample, letters by id.
  public var sequence: String?
  public var length: Int?
  public var alphabet: String?
  /// Own data: which of the raw files count, a pattern of * and ?.
  public var files: String?
  /// Tables of text: whether the first line has the columns' names; their names, where no line has them.
  public var hasHeader = true
  public var columns: [String]?
  /// table, series: columns left out.
  public var drop: [String] = []
  /// series: rows from one window to the next.
  public var stride: Int?
  /// images, pairs: rows and columns that all are resized to, as N or ROWSxCOLUMNS; how many channels.
  public var size: String?
  public var channels: Int?
  /// pairs: column of the captions.
  public var caption: String?
  /// npz: the arrays that are inputs, what each is, and where its channels stand.
  public var inputs: [String]?
  public var kinds: [String]?
  public var channelsLast = false
  /// audio: fields of the files' names; a table with a column of paths; samples a second; seconds of a clip.
  public var pattern: String?
  public var index: String?
  public var rate: Int?
  public var seconds: Double?
  /// libri-speech: the subsets to use.
  public var subsets: [String]?
  /// google-speech: a training part with the test clips in it, as the references'.
  public var hasReferenceLeak = false
  /// `--on-bad-record skip`: rows that cannot be read are left out from the first pass on.
  var skipsBadRecords = false

  public init() {}

  /// The options given, as they are typed.
  var given: [String] {
    let all: [(String, Bool)] = [
      ("format", format != nil), ("name", name != nil), ("window", window != nil),
      ("per-epoch", perEpoch != nil), ("test-subjects", testSubjects != nil),
      ("no-normalise", !normalises), ("vocabulary", vocabulary != nil),
      ("labels-from", labelsFrom != nil), ("label", choices.label != nil),
      ("task", choices.task != nil), ("group-by", choices.groupBy != nil),
      ("test", choices.test != nil), ("fraction", choices.fraction != nil),
      ("seed", choices.seed != nil), ("sequence", sequence != nil), ("length", length != nil),
      ("alphabet", alphabet != nil), ("drop", !drop.isEmpty), ("pattern", pattern != nil),
      ("index", index != nil), ("rate", rate != nil), ("seconds", seconds != nil),
      ("subsets", subsets != nil), ("reference-leak", hasReferenceLeak), ("files", files != nil),
      ("no-header", !hasHeader), ("columns", columns != nil), ("stride", stride != nil),
      ("size", size != nil), ("channels", channels != nil), ("caption", caption != nil),
      ("input", inputs != nil), ("kind", kinds != nil), ("channels-last", channelsLast),
    ]
    return all.filter(\.1).map(\.0)
  }
}

extension ReaderOptions {
  /// As provenance keeps them, for the user's own data.
  var texts: [String: String] {
    var texts = choices.texts
    texts["sequence"] = sequence
    texts["length"] = length.map { String($0) }
    texts["alphabet"] = alphabet
    texts["pattern"] = pattern
    texts["index"] = index
    texts["rate"] = rate.map { String($0) }
    texts["seconds"] = seconds.map { String($0) }
    texts["subsets"] = subsets?.joined(separator: ",")
    if hasReferenceLeak { texts["reference-leak"] = "yes" }
    if !drop.isEmpty { texts["drop"] = drop.joined(separator: ",") }
    texts["files"] = files
    if !hasHeader { texts["no-header"] = "yes" }
    texts["columns"] = columns?.joined(separator: ",")
    texts["size"] = size
    texts["channels"] = channels.map { String($0) }
    texts["caption"] = caption
    texts["input"] = inputs?.joined(separator: ",")
    texts["kind"] = kinds?.joined(separator: ",")
    if channelsLast { texts["channels-last"] = "yes" }
    return texts
  }
}
