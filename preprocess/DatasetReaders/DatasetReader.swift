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

/// The datasets that can be read.
public enum DatasetRegistry {
  public struct Entry: Sendable {
    public let name: String
    public let layout: String
    public let splits: [String]
    /// The options of `ReaderOptions` that it takes, as they are typed.
    var options: Set<String> = []
    let open: @Sendable (RawSource, ReaderOptions) throws -> any BuildableSet
  }

  /// What every reader of the user's own data takes.
  private static let own: Set<String> = [
    "name", "label", "task", "group-by", "test", "fraction", "seed", "files",
  ]
  private static let text: Set<String> = ["no-header", "columns"]

  public static let entries: [Entry] = [
    Entry(
      name: "pamap2",
      layout: "PAMAP2_Dataset/Protocol/subject101.dat ... subject109.dat, as a folder or zip",
      splits: ["pretrain", "train", "test"], open: { source, _ in try PAMAP2Reader(source) }),
    Entry(
      name: "series",
      layout: "your own *.csv, *.txt or *.npy, a row a moment; docs/your-data.md; or --format"
        + " pamap2: subject*.dat (time, activity id, channels)",
      splits: ["pretrain", "train", "test"],
      options: own.union(text).union([
        "format", "window", "stride", "per-epoch", "test-subjects", "no-normalise", "drop",
        "pattern",
      ]),
      open: { source, options in
        if options.format != nil { return try SeriesReader(source, options) }
        return try WindowsReader(source, options)
      }),
    Entry(
      name: "images",
      layout: "your own *.jpg, *.png, *.ppm or *.tif, folders as classes; docs/your-data.md",
      splits: ["train", "test"],
      options: own.union(["size", "channels", "no-normalise", "pattern", "index"]),
      open: { try ImagesReader($0, $1) }),
    Entry(
      name: "pairs",
      layout: "your own images with captions, in a table or a .txt beside each; docs/your-data.md",
      splits: ["train", "test"],
      options: own.union(text).union([
        "size", "channels", "no-normalise", "pattern", "index", "caption", "vocabulary",
      ]),
      open: { try PairsReader($0, $1) }),
    Entry(
      name: "npz", layout: "your own numpy arrays, *.npz or *.npy; docs/your-data.md",
      splits: ["train", "test"],
      options: own.union(["input", "kind", "channels-last", "no-normalise"]),
      open: { try ArraysReader($0, $1) }),
    Entry(
      name: "higgs", layout: "HIGGS.csv, HIGGS.csv.gz, a zip of either, or higgs-train.tfrecord-*",
      splits: ["pretrain", "train", "test"], open: { source, _ in try HIGGSReader(source) }),
    Entry(
      name: "cifar10",
      layout: "cifar-10-batches-bin/data_batch_1.bin ... data_batch_5.bin, test_batch.bin; or"
        + " cifar-10-batches-py/data_batch_1 ...",
      splits: ["train", "test"], open: { source, _ in try CIFAR10Reader(source) }),
    Entry(
      name: "genomics",
      layout:
        "genomics_ood-train.tfrecord-*, before_2011_in_tr.txt, or genomicsPretrain.csv (index,"
        + " domain, label, seq, seq_info)",
      splits: ["pretrain"], open: { source, _ in try GenomicsReader(source, .pretraining) }),
    Entry(
      name: "genomics-id",
      layout:
        "genomics_ood-validation.tfrecord-*, between_2011-2016_in_val.txt, or"
        + " genomicsTransferID.csv",
      splits: ["train", "test"], open: { source, _ in try GenomicsReader(source, .inDistribution) }),
    Entry(
      name: "genomics-ood",
      layout:
        "genomics_ood-validation_ood.tfrecord-*, between_2011-2016_ood_val.txt, or"
        + " genomicsTransferOOD.csv",
      splits: ["train", "test"],
      open: { source, _ in try GenomicsReader(source, .outOfDistribution) }),
    Entry(
      name: "pfam",
      layout:
        "pfam_train.json, pfam_valid.json (TAPE, or its .lmdb folders); --labels-from for classes",
      splits: ["pretrain", "train", "test"], options: ["labels-from"],
      open: { try ProteinReader($0, .pfam, $1) }),
    Entry(
      name: "scop",
      layout: "remote_homology_train.json, remote_homology_valid.json (TAPE, or .lmdb)",
      splits: ["train", "test"], open: { try ProteinReader($0, .scop, $1) }),
    Entry(
      name: "secondary-structure",
      layout: "secondary_structure_train.json, secondary_structure_valid.json (TAPE, or .lmdb)",
      splits: ["train", "test"], open: { try ProteinReader($0, .secondaryStructure, $1) }),
    Entry(
      name: "stability", layout: "stability_train.json, stability_valid.json (TAPE, or .lmdb)",
      splits: ["train", "test"], open: { try ProteinReader($0, .stability, $1) }),
    Entry(
      name: "fluorescence",
      layout: "fluorescence_train.json, fluorescence_valid.json (TAPE, or .lmdb)",
      splits: ["train", "test"], open: { try ProteinReader($0, .fluorescence, $1) }),
    Entry(
      name: "eurosat",
      layout: "AnnualCrop/AnnualCrop_1.tif ... SeaLake/, below any folder; or"
        + " eurosat-train.tfrecord-*",
      splits: ["pretrain", "train", "test"], open: { source, _ in try EuroSAT.open(source) }),
    Entry(
      name: "traffic-sign",
      layout: "GTSRB/Final_Training/Images/00000 ... 00042/*.ppm (GTSRB_Final_Training_Images.zip)",
      splits: ["train", "test"], options: ["format"],
      open: { try TrafficSignReader($0, $1) }),
    Entry(
      name: "cub", layout: "CUB_200_2011/images.txt, image_class_labels.txt, ..., images/",
      splits: ["train", "test"], open: { source, _ in try CUBReader(source) }),
    Entry(
      name: "dtd", layout: "dtd/labels/train1.txt, val1.txt, test1.txt, dtd/images/",
      splits: ["train", "test"], open: { source, _ in try DTDReader(source) }),
    Entry(
      name: "aircraft",
      layout: "fgvc-aircraft-2013b/data/images_variant_trainval.txt, ..., images_box.txt, images/",
      splits: ["train", "test"], open: { source, _ in try AircraftReader(source) }),
    Entry(
      name: "imagenet32",
      layout: "train/n01440764/*.JPEG, or ILSVRC2012_img_train.tar (a tar of tars); or ImageNet32's"
        + " train_data_batch_1 ... 10, pickled or .npz",
      splits: ["pretrain"], open: { source, _ in try ImageNet32.open(source) }),
    Entry(
      name: "libri-speech",
      layout: "LibriSpeech/SUBSET/SPEAKER/CHAPTER/*.flac (or .wav); --subsets for others or a part",
      splits: ["pretrain", "train", "test"], options: ["subsets"],
      open: { try LibriSpeechReader($0, $1) }),
    Entry(
      name: "audio-mnist", layout: "data/01 ... data/60, each D_NN_T.wav",
      splits: ["train", "test"], open: { source, _ in try AudioMNISTReader(source) }),
    Entry(
      name: "fluent-speech-loc", layout: "data/{train,valid,test}_data.csv and wavs/",
      splits: ["train", "test"],
      open: { source, _ in try FluentSpeechReader(source, .fluentLocations) }),
    Entry(
      name: "fluent-speech-act", layout: "data/{train,valid,test}_data.csv and wavs/",
      splits: ["train", "test"],
      open: { source, _ in try FluentSpeechReader(source, .fluentActions) }),
    Entry(
      name: "fluent-speech-obj", layout: "data/{train,valid,test}_data.csv and wavs/",
      splits: ["train", "test"],
      open: { source, _ in try FluentSpeechReader(source, .fluentObjects) }),
    Entry(
      name: "google-speech", layout: "WORD/*.wav and testing_list.txt (v0.02); --reference-leak",
      splits: ["train", "test"], options: ["reference-leak"],
      open: { try GoogleSpeechReader($0, $1) }),
    Entry(
      name: "voxceleb1", layout: "iden_split.txt and wav/idNNNNN/VIDEO/*.wav, in one or two trees",
      splits: ["train", "test"], open: { source, _ in try VoxCeleb1Reader(source) }),
    Entry(
      name: "audio", layout: "your own *.wav, *.flac, ...; docs/your-data.md",
      splits: ["train", "test"], options: own.union(["pattern", "index", "rate", "seconds"]),
      open: { try AudioReader($0, $1) }),
    Entry(
      name: "sequences",
      layout: "your own *.fasta, *.json, *.csv, *.tsv or *.txt; docs/your-data.md",
      splits: ["train", "test"],
      options: own.union(text).union(["sequence", "length", "alphabet"]),
      open: { try SequencesReader($0, $1) }),
    Entry(
      name: "table", layout: "your own *.csv or *.tsv; docs/your-data.md",
      splits: ["train", "test"], options: own.union(text).union(["drop"]),
      open: { try TableReader($0, $1) }),
    Entry(
      name: "vggflower", layout: "jpg/image_00001.jpg ..., imagelabels.mat",
      splits: ["train", "test"], open: { source, _ in try FlowersReader(source) }),
    Entry(
      name: "wafer-map", layout: "LSWMD.pkl, or WM811K.mat (not in an archive)",
      splits: ["pretrain", "train", "test"], open: { source, _ in try WaferMapReader(source) }),
    Entry(
      name: "mscoco",
      layout: "train2017/, annotations/captions_train2017.json, instances_train2017.json",
      splits: ["pretrain"], options: ["vocabulary"],
      open: { try COCOReader($0, .pretraining, $1) }),
    Entry(
      name: "mismatched-caption", layout: "as mscoco, and the same of val2017",
      splits: ["train", "test"], options: ["vocabulary"],
      open: { try COCOReader($0, .mismatchedCaption, $1) }),
    Entry(
      name: "vqa",
      layout: "train2014/, val2014/, VQA v1: mscoco_train2014_annotations.json,"
        + " MultipleChoice_mscoco_train2014_questions.json, and of val2014",
      splits: ["train", "test"], options: ["vocabulary"], open: { try VQAReader($0, $1) }),
  ]

  /// The names of a dataset's splits, in the order in which they are reported.
  static func splits(of dataset: String) -> [String] {
    entries.first { $0.name == dataset }!.splits
  }

  /// - Throws: usage, with the nearest name, for a dataset that is not read, and for options it does not take.
  static func entry(_ name: String, _ options: ReaderOptions) throws -> Entry {
    guard let entry = entries.first(where: { $0.name == name }) else {
      let hint = nearest(to: name, among: entries.map(\.name)).map { "Did you mean \($0)?" }
      throw Failure(
        .usage, at: "--dataset", "unknown dataset '\(name)'",
        remedy: hint ?? "See: metamae-prep list")
    }
    if let option = options.given.first(where: { !entry.options.contains($0) }) {
      let takers = entries.filter { $0.options.contains(option) }.map(\.name)
      throw Failure(
        .usage, at: "--\(option)",
        "belongs to --dataset \(takers.joined(separator: ", ")), found --dataset \(name)",
        remedy: "The paper's sets are read exactly as the paper reads them.")
    }
    return entry
  }
}
