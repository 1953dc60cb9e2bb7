// genomics, genomics-id, genomics-ood: datasets.md section 7.1. 250 letters a read, A C G T = 0 1 2 3. From TensorFlow
// Datasets' records, the tab-separated files these are made of, the benchmark's CSV dump, or the authors' own records.
// How a row of each format becomes a record stands in GenomicsRows.swift.

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

    /// TensorFlow Datasets' name of the split, which its order hashes.
    var split: String {
      switch self {
      case .pretraining: "train"
      case .inDistribution: "validation"
      case .outOfDistribution: "validation_ood"
      }
    }

    /// Record files of the published split.
    var shardCount: Int {
      switch self {
      case .pretraining: 4
      case .inDistribution: 1
      case .outOfDistribution: 2
      }
    }

    /// The authors' name of the table: a text file, and a folder of their own records.
    var publishers: String {
      switch self {
      case .pretraining: "before_2011_in_tr"
      case .inDistribution: "between_2011-2016_in_val"
      case .outOfDistribution: "between_2011-2016_ood_val"
      }
    }
    var text: String { publishers + ".txt" }

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
  let canSkipRecords = true
  let notes: [String]
  private let table: Table
  private let rows: GenomicsRows
  private let records: TFDSRecords?
  var dataset: String { table.dataset }

  /// Takes the first format that is there, in the order of datasets.md: records, tab-separated text, CSV dump, the
  /// authors' records.
  init(_ source: RawSource, _ table: Table) throws {
    self.table = table
    let split = table.split
    records = try TFDSRecords(source, name: "genomics_ood", split: split)
    let named = source.find([table.text, table.file])
    var order = "splits follow TensorFlow Datasets' order"
    if let records {
      parts = records.files
      rows = GenomicsRows(table, .records(sequence: "seq", label: "label", codes: nil))
    } else if let text = named[table.text] {
      parts = [text]
      rows = GenomicsRows(table, .text(separator: UInt8(ascii: "\t"), labels: .names))
    } else if let dump = named[table.file] {
      parts = [dump]
      rows = GenomicsRows(table, .text(separator: UInt8(ascii: ","), labels: .codes))
      order = "the CSV dump's row order counts as the delivered order"
    } else if let (files, codes) = try GenomicsRows.authors(source, table) {
      parts = files
      rows = GenomicsRows(table, .records(sequence: "x", label: "y", codes: codes))
      order = "the authors' record order counts as the delivered order: same data, other membership"
    } else {
      throw source.missing(
        "genomics_ood-\(split).tfrecord-*, \(table.text) or \(table.file)", table.dataset)
    }
    notes = [order]
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    try rows.decode(parts[part], share: share, into: sink)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let cut = PermutedTable(try delivered(contents)[...])
    if table == .pretraining { return [try plan("pretrain", cut.head)] }
    return try [plan("train", cut.head), plan("test", cut.tail)]
  }

  /// Position -> row over all parts.
  private func delivered(_ contents: [PartContents]) throws -> [Int32] {
    try records?.check(contents)
    if let records { return records.delivered(contents) }
    if rows.isPublishersText {
      return DeliveredOrder.rows(
        contents[0].rowCount, split: table.split, shards: table.shardCount)
    }
    return (0..<Int32(contents.reduce(0) { $0 + $1.rowCount })).map { $0 }
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

  static let genera = [
    "Bacillus", "Burkholderia", "Clostridium", "Escherichia", "Mycobacterium", "Pseudomonas",
    "Salmonella", "Staphylococcus", "Streptococcus", "Yersinia",
  ]

  static let foreignGenera = [
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
