// vggflower: datasets.md section 9.5. Oxford's 102 flowers; per class in order of first appearance, shuffle(42), 80/20.
// The publisher's own split is not used.

import Basics
import ShardFormat

struct FlowersReader: FileTreeReader {
  static let classCount = 102

  let dataset = "vggflower"
  let tree: FileTree
  let tables: [RawEntry]
  let recordBytes = RGBImages.recordBytes
  private let labels: [UInt16]

  init(_ source: RawSource) throws {
    let table = try source.require("imagelabels.mat", of: "vggflower")
    tables = [table]
    let numbers = try MATFile.numbers("labels", of: table)
    guard let first = source.find(["image_00001.jpg"])["image_00001.jpg"] else {
      throw source.missing("jpg/image_00001.jpg", "vggflower")
    }
    var images = ListedImages(source, folder: RawSource.folder(of: first))
    for (k, number) in numbers.enumerated() {
      guard number == number.rounded(), (1...Double(Self.classCount)).contains(number) else {
        throw Failure(
          .badData, at: table.place,
          "label \(k + 1): expected a class of 1 to \(Self.classCount), found \(number)")
      }
      let name = "image_\(String(k + 1).leftPadded(to: 5)).jpg"
      try images.add(name, label: Int(number) - 1, listedIn: table)
    }
    tree = images.tree
    labels = images.labels
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  { RGBImages.store(try ImageDecoder.rgb(bytes, at: tree.place(row)), into: record) }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let parts = RGBImages.fourFifthsSplit(Self.groups(labels))
    let names = (1...Self.classCount).map { "flower \($0)" }
    return [
      RGBImages.plan("train", parts.train, labels: labels, names: names),
      RGBImages.plan("test", parts.test, labels: labels, names: names),
    ]
  }

  /// The rows of each label, labels in the order of their first appearance.
  static func groups(_ labels: [UInt16]) -> [[Int32]] {
    var places: [UInt16: Int] = [:]
    var groups: [[Int32]] = []
    for (row, label) in labels.enumerated() {
      if places[label] == nil {
        places[label] = groups.count
        groups.append([])
      }
      groups[places[label]!].append(Int32(row))
    }
    return groups
  }
}
