// metamae-prep build-shards: raw files to OUT/NAME/{pretrain,train,test}.

import Basics
import DatasetReaders
import Foundation

enum BuildCommand {
  static let command = Command(
    name: "metamae-prep build-shards",
    summary: "raw files to OUT/NAME/{pretrain,train,test}; continues an interrupted build",
    options: [
      .value("dataset", "NAME", "what to read (metamae-prep list)"),
      .value("raw", "DIR", "the downloaded data: a folder, or an archive"),
      .value("out", "DIR", "where NAME/SPLIT/ with the shards goes"),
      .value(
        "jobs", "N", "processes",
        standard: String(min(ProcessInfo.processInfo.activeProcessorCount, 64))),
      .value("limit", "N", "the first N records (windows) of each split only"),
      .value("part", "I/N", "decode piece I of N only, for metamae-prep merge"),
      .flag("dry-run", "print what it would read and write and about how long, and stop"),
      .value(
        "on-bad-record", "WHAT",
        "a record that cannot be decoded: fail, or skip (left out and listed in the manifest)",
        standard: "fail"),
      .value(
        "format", "NAME",
        "series: the raw layout, pamap2; traffic-sign: another release, png or older"),
      .value(
        "vocabulary", "FILE",
        "mscoco, mismatched-caption, vqa: bert-base-uncased's vocab.txt (default: among or beside the"
          + " raw files)"),
      .value("name", "NAME", "own data: what to call the set (default: the --dataset)"),
      .value(
        "files", "PATTERN", "own data: the raw files that count, as data_*.txt (default: all)"),
      .value("window", "N", "series: rows of a window (default: 320)"),
      .value("stride", "N", "series: rows from one window to the next (default: the window)"),
      .value(
        "per-epoch", "N",
        "series --format pamap2: windows of an epoch (default: 50000); the test part has a fifth as"
          + " many"),
      .value("test-subjects", "LIST", "series --format pamap2: subjects to test on, as 105,106"),
      .flag("no-normalise", "series, images, pairs, npz: leave the channels as they are"),
      .flag("no-header", "tables: no line of names; columns are called 1, 2, ..."),
      .value("columns", "LIST", "tables: no line of names; these are the columns' names"),
      .value("labels-from", "PATH", "pfam: classes of another build's split, or one number a line"),
      .value("label", "COLUMN", "own data: the column of the label (default: none)"),
      .value("task", "NAME", "own data: classes or regression (default: by the labels)"),
      .value("group-by", "COLUMN", "own data: rows of one value stay on one side of the split"),
      .value("test", "COLUMN=V,V", "own data: the rows to test on"),
      .value("fraction", "F", "own data: share of the rows to test on (default: 0.2)"),
      .value("seed", "N", "own data: draws the test part (default: 0)"),
      .value("sequence", "COLUMN", "sequences: the column of the sequence"),
      .value("length", "N", "sequences: letters of a sample (default: the longest, at most 512)"),
      .value(
        "alphabet", "LETTERS", "sequences: the letters by id, the first pads (default: found)"),
      .value("drop", "LIST", "table, series: columns to leave out"),
      .value(
        "pattern", "NAME",
        "audio, images, pairs, series: fields of the files' names, as {digit}_{speaker}_{take}"),
      .value(
        "index", "FILE", "audio, images, pairs: a table with a column path and others to name"),
      .value(
        "size", "N", "images, pairs: resize to N x N, or ROWSxCOLUMNS (default: as they are; 224)"),
      .value("channels", "N", "images, pairs: how many (default: the first image's; 3)"),
      .value(
        "caption", "COLUMN", "pairs: the column of the captions (default: caption, text, ...)"),
      .value("input", "LIST", "npz: the arrays to learn from (default: x, data, images, ...)"),
      .value("kind", "LIST", "npz: image, series or tokens, one an input (default: by its axes)"),
      .flag("channels-last", "npz: the last axis counts the channels"),
      .value("rate", "HZ", "audio: resample to this rate (default: that of the first file)"),
      .value("seconds", "S", "audio: length of a clip (default: 2)"),
      .value("subsets", "LIST", "libri-speech: the subsets to use, train-* to pretrain on"),
      .flag("reference-leak", "google-speech: train on the test clips too, as the references do"),
      .flag("json", "print one JSON document"),
    ])

  static func run(_ arguments: Arguments) throws {
    var request = BuildRequest(
      dataset: try arguments.required("dataset"), raw: try arguments.required("raw"),
      output: try arguments.required("out"),
      jobs: try arguments.integer("jobs", in: 1...1024) ?? 1,
      limit: try arguments.integer("limit", in: 1...Int.max))
    request.options.format = arguments.string("format")
    request.options.name = try arguments.string("name").map(checkedName)
    request.options.window = try arguments.integer("window", in: 1...1_000_000)
    request.options.perEpoch = try arguments.integer("per-epoch", in: 1...1_000_000_000)
    request.options.testSubjects = try arguments.string("test-subjects").map(subjects)
    request.options.normalises = !arguments.has("no-normalise")
    request.options.labelsFrom = arguments.string("labels-from")
    request.options.vocabulary = arguments.string("vocabulary")
    let choice = arguments.string("on-bad-record") ?? "fail"
    guard ["fail", "skip"].contains(choice) else {
      throw Failure(.usage, at: "--on-bad-record", "expected fail or skip, found '\(choice)'")
    }
    request.skipsBadRecords = choice == "skip"
    try readOwn(arguments, into: &request.options)
    stopOnSignals()
    let observer = ConsoleObserver()
    let report: BuildReport
    request.part = try arguments.string("part").map(part) ?? .whole
    do {
      let build = try ShardBuild(request, observer: observer)
      if arguments.has("dry-run") {
        return try show(try build.estimate(), asJSON: arguments.has("json"))
      }
      if arguments.string("part") != nil {
        return try show(try build.runPart(), of: request, asJSON: arguments.has("json"))
      }
      report = try build.run()
    } catch {
      observer.interrupt()
      throw error
    }
    try show(report, asJSON: arguments.has("json"))
  }

  private static func part(_ text: String) throws -> BuildPart {
    let words = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard words.count == 2, let index = words[0], let count = words[1], (1...4096).contains(count),
      (1...count).contains(index)
    else {
      throw Failure(
        .usage, at: "--part", "expected I/N with I from 1 to N, as 1/3, found '\(text)'")
    }
    return BuildPart(index: index - 1, count: count)
  }

  private static func show(_ estimate: BuildEstimate, asJSON: Bool) throws {
    if asJSON { return try printJSON(estimate) }
    let records = estimate.records.map { "\($0) records in " } ?? ""
    Console.print("\(estimate.dataset): \(records)\(megabytes(estimate.rawBytes)) of raw data")
    Console.print(
      "disk: up to about \(megabytes(estimate.diskBytes)), \(megabytes(estimate.freeBytes)) are free"
    )
    Console.print("time: about \(decimal(estimate.seconds, 1)) seconds")
  }

  private static func show(
    _ built: (folder: String, records: Int, wasThere: Bool), of request: BuildRequest, asJSON: Bool
  ) throws {
    struct Document: Encodable {
      let directory: String
      let part: Int
      let of: Int
      let records: Int
      let alreadyBuilt: Bool
    }
    if asJSON {
      return try printJSON(
        Document(
          directory: built.folder, part: request.part.index + 1, of: request.part.count,
          records: built.records, alreadyBuilt: built.wasThere))
    }
    Console.print("\(built.folder): \(built.records) raw records")
    Console.print(
      built.wasThere
        ? "already built" : "when all parts are there: metamae-prep merge \(request.output)")
  }

  /// The options of the user's own data.
  private static func readOwn(_ arguments: Arguments, into options: inout ReaderOptions) throws {
    func list(_ name: String) -> [String]? {
      arguments.string(name).map { $0.split(separator: ",").map(String.init) }
    }
    options.choices.label = arguments.string("label")
    options.choices.task = arguments.string("task")
    if let task = options.choices.task, !["classes", "regression"].contains(task) {
      throw Failure(.usage, at: "--task", "expected classes or regression, found '\(task)'")
    }
    options.choices.groupBy = arguments.string("group-by")
    options.choices.test = arguments.string("test")
    if let text = arguments.string("fraction") {
      guard let fraction = Double(text), (0..<1).contains(fraction) else {
        throw Failure(
          .usage, at: "--fraction", "expected a number from 0 to below 1, found '\(text)'")
      }
      options.choices.fraction = fraction
    }
    options.choices.seed = try arguments.integer("seed", in: 0...Int.max)
    options.sequence = arguments.string("sequence")
    options.length = try arguments.integer("length", in: 1...1_000_000)
    options.alphabet = arguments.string("alphabet")
    options.pattern = arguments.string("pattern")
    options.index = arguments.string("index")
    options.rate = try arguments.integer("rate", in: 1000...1_000_000)
    if let text = arguments.string("seconds") {
      guard let seconds = Double(text), seconds > 0, seconds <= 3600 else {
        throw Failure(
          .usage, at: "--seconds", "expected a number above 0, at most 3600, found '\(text)'")
      }
      options.seconds = seconds
    }
    options.subsets = list("subsets")
    options.hasReferenceLeak = arguments.has("reference-leak")
    options.drop = list("drop") ?? []
    options.files = arguments.string("files")
    options.hasHeader = !arguments.has("no-header")
    options.columns = list("columns")
    options.stride = try arguments.integer("stride", in: 1...1_000_000)
    options.size = arguments.string("size")
    options.channels = try arguments.integer("channels", in: 1...65_535)
    options.caption = arguments.string("caption")
    options.inputs = list("input")
    options.kinds = list("kind")
    options.channelsLast = arguments.has("channels-last")
  }

  private static func checkedName(_ name: String) throws -> String {
    let isPlain = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || "-_.".utf8.contains(byte)
    }
    guard isPlain, !name.isEmpty, !name.hasPrefix(".") else {
      throw Failure(
        .usage, at: "--name", "expected letters, digits, '-', '_' and '.', found '\(name)'")
    }
    return name
  }

  private static func subjects(_ text: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let subject = Int(word) else {
        throw Failure(
          .usage, at: "--test-subjects", "expected numbers as in 105,106, found '\(text)'")
      }
      return subject
    }
  }

  private struct Document: Encodable {
    struct Split: Encodable {
      let split: String
      let directory: String
      let samples: Int
      let windowsPerEpoch: Int?
      let segments: Int?
      let blocks: Int
      let shards: Int
      let bytes: Int
    }
    let dataset: String
    let classes: Int
    let alreadyBuilt: Bool
    let seconds: Double
    let skippedRecords: Int
    let splits: [Split]
  }

  static func show(_ report: BuildReport, asJSON: Bool) throws {
    let splits = report.splits.map { split in
      Document.Split(
        split: split.manifest.split, directory: split.directory,
        samples: split.manifest.sampleCount, windowsPerEpoch: split.manifest.sampling?.perEpoch,
        segments: split.manifest.segments?.count, blocks: split.manifest.blockCount,
        shards: split.manifest.shards.count, bytes: split.bytes)
    }
    let skipped = report.splits[0].manifest.provenance.skipped?.count ?? 0
    if asJSON {
      return try printJSON(
        Document(
          dataset: report.dataset, classes: report.splits[0].manifest.task.classes,
          alreadyBuilt: report.wasThere, seconds: report.seconds, skippedRecords: skipped,
          splits: splits))
    }
    for split in splits {
      let what =
        split.segments.map {
          "\($0) segments of \(split.samples) rows, \(split.windowsPerEpoch!) windows an epoch"
        } ?? "\(split.samples) records"
      let size = decimal(Double(split.bytes) / 1e6, 1)
      Console.print("\(split.directory): \(what), \(split.shards) shards, \(size) MB")
    }
    if skipped > 0 { Console.print("\(skipped) bad records left out; manifest.json lists them") }
    Console.print(
      report.wasThere ? "already built" : "built in \(decimal(report.seconds, 1)) seconds")
  }
}

/// Shows a build's progress on stderr.
final class ConsoleObserver: BuildObserver {
  private var bar: Basics.Progress?
  private var phase: BuildPhase?
  private var shown = -1

  func note(_ line: String) { Console.note(line) }

  func progress(_ phase: BuildPhase, done: Int, total: Int) {
    guard total > 0 else { return }
    let isDecoding = phase == .decoding
    let scale = isDecoding ? 1 << 20 : 1
    if self.phase != phase {
      self.phase = phase
      shown = -1
      bar = Basics.Progress(
        isDecoding ? "decoding" : "storing", total: max(total / scale, 1),
        unit: isDecoding ? "MiB" : "blocks")
    }
    let now = min(done, total) / scale
    guard now > shown else { return }
    shown = now
    bar?.show(now)
  }

  func interrupt() { bar?.interrupt() }
}
