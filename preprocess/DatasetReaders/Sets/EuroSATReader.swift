// eurosat: datasets.md section 6. Ten class folders of 64 x 64 TIFFs with 13 bands of 16 bits, stored as they are and
// normalised by band on reading; split in the order in which TensorFlow Datasets delivers them.

import Basics
import ShardFormat

enum EuroSAT {
  static let classes = [
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture",
    "PermanentCrop", "Residential", "River", "SeaLake",
  ]
  /// Of B01 ... B12, B8A.
  static let means: [Double] = [
    1354.3003, 1117.7579, 1042.2800, 947.6443, 1199.6334, 2001.9829, 2372.5579, 2299.6663, 731.0175,
    12.0956, 1822.4083, 1119.5759, 2598.4456,
  ]
  static let deviations: [Double] = [
    244.0469, 323.4128, 385.0928, 584.1638, 566.0543, 858.5753, 1083.6704, 1103.0342, 402.9594,
    4.7207, 1002.4071, 759.6080, 1228.4104,
  ]
  static let side = 64
  static let bands = 13
  static let imageBytes = bands * side * side * 2
  static let notes = ["splits follow TensorFlow Datasets' order"]

  /// The publisher's files where they are, else TensorFlow Datasets' records.
  static func open(_ source: RawSource) throws -> any BuildableSet {
    if let reader = EuroSATReader(source) { return reader }
    if let reader = try EuroSATRecords(source) { return reader }
    throw source.missing(
      "ten folders AnnualCrop ... SeaLake with .tif files, or eurosat-train.tfrecord-*", "eurosat")
  }

  /// One permutation, two cuts; the second part is not shuffled again.
  /// - Parameters:
  ///   - delivered: position -> row.
  ///   - labels: of all rows where records do not hold them.
  static func plans(_ delivered: [Int32], labels: [UInt8]?, of file: RawEntry) throws -> [SplitPlan]
  {
    let table = pandasSample(delivered.count).map { delivered[Int($0)] }
    let cut = HeadAndTail(first: table.count)
    let (pretraining, transfer) = (Array(table[cut.head]), Array(table[cut.tail]))
    let parts = HeadAndTail(count: transfer.count)
    let splits = [
      ("pretrain", Array(pretraining[HeadAndTail(count: pretraining.count).head])),
      ("train", Array(transfer[parts.head])), ("test", Array(transfer[parts.tail])),
    ]
    let shape = [bands, side, side]
    return try splits.map { split, rows in
      try requireRecords(rows, split, file)
      return SplitPlan(
        split: split, inputs: [InputDescription(kind: "image", shape: shape, patch: [8, 8])],
        fields: [Field("input.0", .uint16, shape), Field("label", .uint8, [])],
        task: TaskDescription(
          kind: "classes", classes: 10, names: classes, metric: "accuracy"),
        transforms: [
          Transform(
            scale: deviations.map { Float(1 / $0) },
            shift: zip(means, deviations).map { Float(-$0 / $1) })
        ], content: .records(rows),
        columns: labels.map { labels in rows.map { labels[Int($0)] } } ?? [])
    }
  }
}

struct EuroSATReader: FileTreeReader {
  let dataset = "eurosat"
  let tree: FileTree
  let recordBytes = EuroSAT.imageBytes
  let notes: [String]
  private let labels: [UInt8]

  /// - Returns: nil when there are no such folders.
  init?(_ source: RawSource) {
    let folders = ClassFolders(source.entries, names: EuroSAT.classes, suffixes: [".tif", ".tiff"])
    guard let found = folders.root else { return nil }
    tree = FileTree(
      listing: source.entries, entries: found.entries, name: folders.name(of: found, in: source))
    labels = found.classes.map { UInt8($0) }
    notes = EuroSAT.notes + ClassFolders.notes(found, EuroSAT.classes)
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  {
    let place = tree.place(row)
    let image = try ImageDecoder.tiff(bytes, at: place)
    guard image.width == EuroSAT.side, image.height == EuroSAT.side, image.bands == EuroSAT.bands
    else {
      throw Failure(
        .badData, at: place,
        "expected 64 x 64 pixels of 13 bands, found \(image.width) x \(image.height) of"
          + " \(image.bands)")
    }
    let count = EuroSAT.side * EuroSAT.side
    image.samples.withUnsafeBufferPointer { samples in
      for band in 0..<EuroSAT.bands {
        let plane = record + 2 * band * count
        var from = band
        for i in 0..<count {
          plane.storeBytes(
            of: samples[from].littleEndian, toByteOffset: 2 * i, as: UInt16.self)
          from &+= EuroSAT.bands
        }
      }
    }
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let keys = (0..<tree.count).map { row in
      let file = Files.name(of: tree.listing.name(at: Int(tree.entries[row])))
      return "\(EuroSAT.classes[Int(labels[row])])_\(file)"
    }
    return try EuroSAT.plans(
      DeliveredOrder.rows(keys: keys, split: "train", shards: 64), labels: labels,
      of: tree.entry(0))
  }
}

/// The second format: `eurosat/all/2.0.0`, 53,248 floats by row, column and band, and the label.
struct EuroSATRecords: DatasetReader {
  let dataset = "eurosat"
  let parts: [RawEntry]
  let recordBytes = EuroSAT.imageBytes + 1
  let partsAreDivisible = false
  let decodedShare = 0.55
  let canSkipRecords = true
  let notes = EuroSAT.notes
  private let records: TFDSRecords

  /// - Returns: nil when there are no such files.
  init?(_ source: RawSource) throws {
    guard let records = try TFDSRecords(source, name: "eurosat", split: "train") else { return nil }
    self.records = records
    parts = records.files
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    let reader = try TFRecordReader(parts[part])
    var reported = 0
    while let bytes = try reader.next(isWanted: share.holds) {
      try sink.attempt(reader.count - 1) { record in
        try Self.store(ExampleRecord(bytes, at: reader.spot), at: reader.spot, into: record)
      }
      sink.hasRead(reader.offset - reported)
      reported = reader.offset
    }
    return PartContents(rowCount: reader.count)
  }

  private static func store(
    _ example: ExampleRecord, at place: String, into record: UnsafeMutableRawPointer
  ) throws {
    let count = EuroSAT.side * EuroSAT.side
    var isWhole = true
    try example.floats("sentinel2", count: count * EuroSAT.bands) { i, value in
      let number = UInt16(exactly: value)
      isWhole = isWhole && number != nil
      record.storeBytes(
        of: number ?? 0, toByteOffset: 2 * (i % EuroSAT.bands * count + i / EuroSAT.bands),
        as: UInt16.self)
    }
    let label = try example.integer("label")
    guard isWhole, (0..<10).contains(label) else {
      throw Failure(
        .badData, at: place,
        isWhole
          ? "expected a label of 0 to 9, found \(label)"
          : "expected whole numbers below 65536 in sentinel2, found others")
    }
    record.storeBytes(of: UInt8(label), toByteOffset: EuroSAT.imageBytes, as: UInt8.self)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    try records.check(contents)
    return try EuroSAT.plans(records.delivered(contents), labels: nil, of: parts[0])
  }
}
