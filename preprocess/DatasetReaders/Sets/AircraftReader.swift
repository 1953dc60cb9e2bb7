// aircraft: datasets.md section 9.8. FGVC-Aircraft 2013b by variant, cropped to the published boxes with their numbers
// used as they are (one off from the publisher's meaning, as the reference does).

import Basics
import ShardFormat

struct AircraftReader: FileTreeReader {
  struct Box: Equatable, Sendable { let left, top, right, bottom: Int }

  let dataset = "aircraft"
  let tree: FileTree
  let tables: [RawEntry]
  let recordBytes = RGBImages.recordBytes
  let notes = ["100 variants occur; Table 16 prints 102 classes"]
  private let labels: [UInt16]
  private let names: [String]
  private let boxes: [Box]
  private let trainingCount: Int

  init(_ source: RawSource) throws {
    let files = ["images_variant_trainval.txt", "images_variant_test.txt", "images_box.txt"]
    tables = try files.map { try source.require($0, of: "aircraft") }
    let lists = try tables[..<2].map { try source.pairs(of: $0) }
    let variants = lists.map { Self.sorted(Set($0.map(\.value))) }
    guard variants[0] == variants[1] else {
      throw Failure(
        .badData, at: tables[1].place,
        "expected the variants of \(tables[0].place), found others: the classes would differ")
    }
    names = variants[0]
    let ranks = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let table = try Self.boxes(source.pairs(of: tables[2]), tables[2])
    var images = ListedImages(source, folder: RawSource.folder(of: tables[0]) + "images/")
    var boxes: [Box] = []
    for (list, lines) in zip(tables, lists) {
      let ordered = lines.sorted {
        let (a, b) = (ranks[$0.value]!, ranks[$1.value]!)
        return a != b ? a < b : $0.key.utf8.lexicographicallyPrecedes($1.key.utf8)
      }
      for (image, variant) in ordered {
        guard let box = table[image] else {
          throw Failure(
            .badData, at: tables[2].place, "expected a box of image \(image), found none")
        }
        try images.add(image + ".jpg", label: ranks[variant]!, listedIn: list)
        boxes.append(box)
      }
    }
    tree = images.tree
    labels = images.labels
    self.boxes = boxes
    trainingCount = lists[0].count
  }

  /// By code point.
  private static func sorted(_ names: Set<String>) -> [String] {
    names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
  }

  private static func boxes(_ lines: [(key: String, value: String)], _ table: RawEntry) throws
    -> [String: Box]
  {
    var boxes: [String: Box] = [:]
    for (number, line) in lines.enumerated() {
      let values = line.value.split(separator: " ").compactMap { Int($0) }
      guard values.count == 4, values[0] < values[2], values[1] < values[3],
        values.allSatisfy({ (-100_000...100_000).contains($0) })
      else {
        throw Failure(
          .badData, at: "\(table.place), line \(number + 1)",
          "expected xmin ymin xmax ymax, found '\(line.value.prefix(60))'")
      }
      boxes[line.key] = Box(left: values[0], top: values[1], right: values[2], bottom: values[3])
    }
    return boxes
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  {
    let image = try ImageDecoder.rgb(bytes, at: tree.place(row))
    let box = boxes[row]
    let crop = image.cropped(
      x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top)
    RGBImages.store(crop, into: record)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let rows = Array(Int32(0)..<Int32(tree.count))
    return [
      RGBImages.plan("train", Array(rows[..<trainingCount]), labels: labels, names: names),
      RGBImages.plan("test", Array(rows[trainingCount...]), labels: labels, names: names),
    ]
  }
}
