// pfam, scop, secondary-structure, stability, fluorescence: datasets.md sections 7.2 and 7.3, from TAPE's JSON files (one
// array of objects each, streamed: pfam_train.json is larger than memory), or its LMDB files. The benchmark tests on
// TAPE's `valid`.

import Basics
import ShardFormat

struct ProteinReader: DatasetReader {
  let dataset: String
  let parts: [RawEntry]
  let recordBytes: Int
  let partsAreDivisible = true
  let canSkipRecords = true
  let decodedShare = 0.6
  let notes: [String]
  let splitNames: [String]?
  private let set: ProteinSet
  /// Which of `train` and `valid` each part is.
  private let isTraining: [Bool]
  /// Pfam's classes as `--labels-from` gives them.
  private let givenClans: [Int]?

  init(_ source: RawSource, _ set: ProteinSet, _ options: ReaderOptions) throws {
    self.set = set
    dataset = set.rawValue
    recordBytes = ProteinSet.length + set.labelField.byteCount
    givenClans = try set == .pfam ? options.labelsFrom.map(ClassTable.read) : nil
    let names = ["train", "valid"].map { "\(set.stem)_\($0).json" }
    let found = source.find(names)
    // JSON first: Pfam's transfer membership is defined on its order.
    let files = ["train", "valid"].map { half in
      found["\(set.stem)_\(half).json"]
        ?? source.find(["data.mdb"], under: "\(set.stem)_\(half).lmdb")["data.mdb"]
    }
    let (train, valid) = (files[0], files[1])
    if set == .pfam {
      // Either half will do, when its classes are known.
      guard train != nil || (valid != nil && givenClans != nil) else {
        throw source.missing(
          valid == nil ? names[0] : "\(names[0]) (or its classes by --labels-from)", dataset)
      }
    } else {
      for (name, entry) in zip(names, [train, valid]) where entry == nil {
        throw source.missing(name, dataset)
      }
    }
    parts = [train, valid].compactMap { $0 }
    isTraining = (train == nil ? [] : [true]) + (valid == nil ? [] : [false])
    let transfer = valid == nil ? [] : ["train", "test"]
    splitNames =
      set == .pfam ? (train == nil ? [] : ["pretrain"]) + transfer : ["train", "test"]
    var notes: [String] = []
    if set == .pfam, let valid {
      notes.append(
        "train and test are cut from the last \(ProteinSet.transferRows) rows of permuted valid")
      if Self.isDatabase(valid) {
        notes.append("LMDB's row order need not be the JSON's: the parts may have other members")
      }
    }
    self.notes = notes
  }

  private static func isDatabase(_ entry: RawEntry) -> Bool { entry.name.hasSuffix(".mdb") }

  // MARK: Decoding

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    if Self.isDatabase(parts[part]) { return try decode(database: parts[part], share, into: sink) }
    let json = try JSONReader(parts[part])
    let decoder = ProteinDecoder(set, json)
    var row = 0
    var reported = 0
    // What follows an object must be found again when it is bad, in each of the processes that share the file.
    try json.forEachElement(
      {
        let number = row
        row += 1
        if share.holds(number) {
          try decoder.decode(row: number, into: try sink.record(number))
        } else {
          try json.skip()
        }
        if json.offset - reported > 1 << 20 {
          sink.hasRead(json.offset - reported)
          reported = json.offset
        }
      },
      bad: { failure in
        guard share.holds(row - 1) || !sink.skipsBadRecords else { return }
        try sink.leaveOut(row - 1, failure)
      })
    try json.finish()
    return PartContents(rowCount: row, codes: decoder.clans.sorted())
  }

  private func decode(database file: RawEntry, _ share: RowShare, into sink: RecordSink) throws
    -> PartContents
  {
    let database = try TAPEDatabase(file)
    var clans: Set<Int> = []
    for row in 0..<database.count where share.holds(row) {
      try sink.attempt(row) { record in
        let pickle = try database.row(row)
        guard let sequence = pickle.member("primary", of: pickle.root),
          let residues = pickle.withBytes(of: sequence, { Array($0) }), !residues.isEmpty,
          let label = pickle.member(set.labelKey, of: pickle.root),
          let values = pickle.numbers(label)
        else {
          throw Failure(
            .badData, at: database.spot(row),
            "expected a dict with residues under primary and numbers under \(set.labelKey), found"
              + " another value")
        }
        let place = { database.spot(row) }
        try ProteinSet.store(residues: residues, at: place, into: record)
        try set.store(label: values, residues: residues.count, at: place, into: record)
        if set == .pfam { clans.insert(Int(values[0])) }
      }
    }
    return PartContents(rowCount: database.count, codes: clans.sorted())
  }

  // MARK: Splits

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let clans = try clans(contents)
    var first: Int32 = 0
    var plans: [SplitPlan] = []
    for (part, content) in contents.enumerated() {
      let rows = pandasSample(content.rowCount).map { first + $0 }
      first += Int32(content.rowCount)
      if set == .pfam && !isTraining[part] {
        let transfer = rows.suffix(ProteinSet.transferRows)
        let cut = HeadAndTail(count: transfer.count)
        let start = transfer.startIndex
        func piece(_ range: Range<Int>) -> [Int32] {
          Array(transfer[(start + range.lowerBound)..<(start + range.upperBound)])
        }
        plans.append(try plan("train", piece(cut.head), clans, parts[part]))
        plans.append(try plan("test", piece(cut.tail), clans, parts[part]))
      } else {
        let name = set == .pfam ? "pretrain" : isTraining[part] ? "train" : "test"
        plans.append(try plan(name, rows, clans, parts[part]))
      }
    }
    return plans
  }

  /// Pfam's classes: the clans of `pfam_train`, ascending.
  /// - Throws: badData for a clan of `pfam_valid` that is not among them.
  private func clans(_ contents: [PartContents]) throws -> [Int] {
    guard set == .pfam else { return [] }
    let known = givenClans ?? contents[0].codes
    let table = Set(known)
    for (part, content) in contents.enumerated() {
      guard let stranger = content.codes.first(where: { !table.contains($0) }) else { continue }
      throw Failure(
        .badData, at: parts[part].place,
        "expected clans that \(givenClans == nil ? "pfam_train.json" : "--labels-from") has,"
          + " found clan \(stranger)",
        remedy: "The files are of different releases, or the table of classes is.")
    }
    return known
  }

  private func plan(_ split: String, _ rows: [Int32], _ clans: [Int], _ file: RawEntry) throws
    -> SplitPlan
  {
    try requireRecords(rows, split, file)
    return SplitPlan(
      split: split,
      inputs: [
        InputDescription(
          kind: "tokens", shape: [ProteinSet.length], patch: [1],
          vocabulary: ProteinSet.alphabet.count, alphabet: ProteinSet.alphabet)
      ],
      fields: [Field("input.0", .uint8, [ProteinSet.length]), set.labelField],
      task: set.task(clans: clans), transforms: [Transform()],
      labelCodes: set == .pfam ? clans : nil, content: .records(rows))
  }
}

/// Objects of a TAPE file to records.
private final class ProteinDecoder {
  private let set: ProteinSet
  private let json: JSONReader
  private let labelKey: [UInt8]
  private var residues: [UInt8] = []
  private var values: [Double] = []
  /// Of Pfam: the clans so far.
  private(set) var clans: Set<Int> = []

  init(_ set: ProteinSet, _ json: JSONReader) {
    (self.set, self.json) = (set, json)
    labelKey = Array(set.labelKey.utf8)
  }

  func decode(row: Int, into record: UnsafeMutableRawPointer) throws {
    let begin = json.offset
    func place() -> String { "\(json.place), object \(row) (byte \(begin))" }
    var hasSequence = false
    var hasLabel = false
    try json.forEachMember { key in
      if key.elementsEqual("primary".utf8) {
        try json.readString("the residues")
        residues = json.string
        hasSequence = true
      } else if key.elementsEqual(labelKey) {
        values.removeAll(keepingCapacity: true)
        if try json.kind() == .array {
          try json.forEachElement { values.append(try json.number()) }
        } else {
          values.append(try json.number())
        }
        hasLabel = true
      } else {
        try json.skip()
      }
    }
    guard hasSequence, hasLabel else {
      throw Failure(
        .badData, at: place(),
        "expected the keys primary and \(set.labelKey), found no"
          + " \(hasSequence ? set.labelKey : "primary")")
    }
    guard !residues.isEmpty else {
      throw Failure(.badData, at: place(), "primary: expected at least one residue, found none")
    }
    try ProteinSet.store(residues: residues, at: place, into: record)
    try set.store(label: values, residues: residues.count, at: place, into: record)
    if set == .pfam { clans.insert(Int(values[0])) }
  }
}
