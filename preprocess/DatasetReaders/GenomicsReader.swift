// genomics, genomics-id, genomics-ood: datasets.md section 7.1, from the benchmark's CSV dump. 250 letters a read,
// A C G T = 0 1 2 3. The dump's row order counts as the order in which TensorFlow Datasets delivers.

import Basics
import ShardFormat

struct GenomicsReader: DatasetReader {
  enum Table: Sendable {
    case pretraining, inDistribution, outOfDistribution

    var dataset: String {
      switch self {
      case .pretraining: "genomics"
      case .inDistribution: "genomics-id"
      case .outOfDistribution: "genomics-ood"
      }
    }

    var file: String {
      switch self {
      case .pretraining: "genomicsPretrain.csv"
      case .inDistribution: "genomicsTransferID.csv"
      case .outOfDistribution: "genomicsTransferOOD.csv"
      }
    }

    /// Codes of the labels; a class is its code's place in here.
    var codes: Range<Int> { self == .outOfDistribution ? 10..<70 : 0..<10 }
    var names: [String] {
      self == .outOfDistribution ? GenomicsReader.foreignGenera : GenomicsReader.genera
    }
  }

  static let length = 250

  let parts: [RawEntry]
  let recordBytes = GenomicsReader.length + 1
  let partsAreDivisible = true
  let decodedShare = 0.9
  let notes = ["the CSV dump's row order counts as the delivered order"]
  private let table: Table
  var dataset: String { table.dataset }

  init(_ source: RawSource, _ table: Table) throws {
    self.table = table
    parts = [try source.require(table.file, of: table.dataset)]
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    let place = parts[part].place
    let lines = try LineReader(parts[part])
    guard let header = try lines.next() else {
      throw Failure(.badData, at: place, "expected a line of column names, found an empty file")
    }
    let names = CSVLine.fields(header).map { String(decoding: $0, as: UTF8.self) }
    guard let sequence = names.firstIndex(of: "seq"), let label = names.firstIndex(of: "label")
    else {
      throw Failure(
        .badData, at: "\(place), line 1",
        "expected columns named label and seq, found '\(names.joined(separator: ",").prefix(80))'")
    }
    var row = 0
    var reported = 0
    while let line = try lines.next() {
      if line.isEmpty { continue }
      if share.holds(row) {
        let fields = CSVLine.fields(line)
        let spot = "\(place), line \(lines.number)"
        guard fields.count == names.count else {
          throw Failure(
            .badData, at: spot, "expected \(names.count) columns, found \(fields.count)")
        }
        let record = try sink.record(row)
        try decode(sequence: fields[sequence], row: row, at: spot, into: record)
        record.storeBytes(
          of: try classOf(fields[label], at: spot), toByteOffset: Self.length, as: UInt8.self)
      }
      row += 1
      if lines.consumed - reported > 1 << 20 {
        sink.hasRead(lines.consumed - reported)
        reported = lines.consumed
      }
    }
    return PartContents(rowCount: row)
  }

  /// The letters, with or without Python's b'...' around them.
  private func decode(
    sequence field: ArraySlice<UInt8>, row: Int, at place: String,
    into record: UnsafeMutableRawPointer
  ) throws {
    let letters = CSVLine.unwrapped(field)
    guard letters.count == Self.length else {
      throw Failure(
        .badData, at: place,
        "row \(row): expected \(Self.length) letters, found \(letters.count)")
    }
    for (position, letter) in letters.enumerated() {
      let token: UInt8
      switch letter {
      case UInt8(ascii: "A"): token = 0
      case UInt8(ascii: "C"): token = 1
      case UInt8(ascii: "G"): token = 2
      case UInt8(ascii: "T"): token = 3
      default:
        throw Failure(
          .badData, at: place,
          "row \(row), position \(position): expected A, C, G or T, found"
            + " '\(String(decoding: [letter], as: UTF8.self))'")
      }
      record.storeBytes(of: token, toByteOffset: position, as: UInt8.self)
    }
  }

  private func classOf(_ field: ArraySlice<UInt8>, at place: String) throws -> UInt8 {
    let text = String(decoding: field, as: UTF8.self)
    guard let code = Int(text), table.codes.contains(code) else {
      throw Failure(
        .badData, at: place,
        "expected a label of \(table.codes.lowerBound) to \(table.codes.upperBound - 1), found '\(text)'"
      )
    }
    return UInt8(code - table.codes.lowerBound)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let count = contents[0].rowCount
    let cut = PermutedTable((0..<Int32(count)).map { $0 }[...])
    if table == .pretraining { return [try plan("pretrain", cut.head)] }
    return try [plan("train", cut.head), plan("test", cut.tail)]
  }

  private func plan(_ split: String, _ rows: [Int32]) throws -> SplitPlan {
    try requireRecords(rows, split, parts[0])
    return SplitPlan(
      split: split,
      inputs: [
        InputDescription(
          kind: "tokens", shape: [Self.length], patch: [1], vocabulary: 4,
          alphabet: ["A", "C", "G", "T"])
      ],
      fields: [Field("input.0", .uint8, [Self.length]), Field("label", .uint8, [])],
      task: TaskDescription(
        kind: "classes", classes: table.codes.count, names: table.names, metric: "accuracy"),
      transforms: [Transform()], content: .records(rows))
  }

  private static let genera = [
    "Bacillus", "Burkholderia", "Clostridium", "Escherichia", "Mycobacterium", "Pseudomonas",
    "Salmonella", "Staphylococcus", "Streptococcus", "Yersinia",
  ]

  private static let foreignGenera = [
    "Actinoplanes", "Advenella", "Alicycliphilus", "Altererythrobacter", "Anabaena", "Archangium",
    "Bibersteinia", "Blastochloris", "Calothrix", "Carnobacterium", "Cedecea", "Cellulophaga",
    "Chondromyces", "Chryseobacterium", "Collimonas", "Corallococcus", "Cyclobacterium",
    "Dehalobacter", "Desulfosporosinus", "Devosia", "Dyella", "Elizabethkingia", "Glaciecola",
    "Granulicella", "Haliscomenobacter", "Hymenobacter", "Kibdelosporangium", "Kutzneria",
    "Labilithrix", "Leptolyngbya", "Leptospirillum", "Lysobacter", "Mannheimia", "Massilia",
    "Methanobacterium", "Microbacterium", "Myroides", "Neorhizobium", "Niastella", "Oblitimonas",
    "Octadecabacter", "Oscillatoria", "Pandoraea", "Pelosinus", "Phaeobacter", "Piscirickettsia",
    "Planococcus", "Pseudonocardia", "Pseudoxanthomonas", "Rahnella", "Raoultella", "Rufibacter",
    "Saccharothrix", "Sandaracinus", "Singulisphaera", "Sphaerochaeta", "Sphingobacterium",
    "Spiroplasma", "Tannerella", "Terriglobus",
  ]
}
