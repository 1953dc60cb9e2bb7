// eurosat: datasets.md section 6. Ten class folders of 64 x 64 TIFFs with 13 bands of 16 bits, stored as they are and
// normalised by band on reading; split in the order in which TensorFlow Datasets delivers them.

import Basics
import ShardFormat

struct EuroSATReader: FileTreeReader {
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

  let dataset = "eurosat"
  let tree: FileTree
  let recordBytes = EuroSATReader.bands * EuroSATReader.side * EuroSATReader.side * 2
  let notes = ["splits follow TensorFlow Datasets' order of the files"]
  private let labels: [UInt8]

  init(_ source: RawSource) throws {
    let folders = ClassFolders(source.entries, names: Self.classes, suffixes: [".tif", ".tiff"])
    guard let found = folders.root else {
      throw source.missing("ten folders AnnualCrop ... SeaLake with .tif files", "eurosat")
    }
    tree = FileTree(
      listing: source.entries, entries: found.entries, name: folders.name(of: found, in: source))
    labels = found.classes.map { UInt8($0) }
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  {
    let place = tree.place(row)
    let image = try ImageDecoder.tiff(bytes, at: place)
    guard image.width == Self.side, image.height == Self.side, image.bands == Self.bands else {
      throw Failure(
        .badData, at: place,
        "expected 64 x 64 pixels of 13 bands, found \(image.width) x \(image.height) of"
          + " \(image.bands)")
    }
    let count = Self.side * Self.side
    for i in 0..<count {
      for band in 0..<Self.bands {
        record.storeBytes(
          of: image.samples[i * Self.bands + band], toByteOffset: 2 * (band * count + i),
          as: UInt16.self)
      }
    }
  }

  /// One permutation, two cuts; the second part is not shuffled again.
  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let keys = (0..<tree.count).map { row in
      "\(Self.classes[Int(labels[row])])_\(Files.name(of: tree.listing.name(at: Int(tree.entries[row]))))"
    }
    let delivered = DeliveredOrder.rows(keys: keys, split: "train", shards: 64)
    let table = pandasSample(delivered.count).map { delivered[Int($0)] }
    let cut = HeadAndTail(first: table.count)
    let (pretraining, transfer) = (Array(table[cut.head]), Array(table[cut.tail]))
    let parts = HeadAndTail(count: transfer.count)
    return try [
      plan("pretrain", Array(pretraining[HeadAndTail(count: pretraining.count).head])),
      plan("train", Array(transfer[parts.head])), plan("test", Array(transfer[parts.tail])),
    ]
  }

  private func plan(_ split: String, _ rows: [Int32]) throws -> SplitPlan {
    try requireRecords(rows, split, tree.entry(0))
    let shape = [Self.bands, Self.side, Self.side]
    return SplitPlan(
      split: split, inputs: [InputDescription(kind: "image", shape: shape, patch: [8, 8])],
      fields: [Field("input.0", .uint16, shape), Field("label", .uint8, [])],
      task: TaskDescription(
        kind: "classes", classes: 10, names: Self.classes, metric: "accuracy"),
      transforms: [
        Transform(
          scale: Self.deviations.map { Float(1 / $0) },
          shift: zip(Self.means, Self.deviations).map { Float(-$0 / $1) })
      ], content: .records(rows), columns: rows.map { labels[Int($0)] })
  }
}
