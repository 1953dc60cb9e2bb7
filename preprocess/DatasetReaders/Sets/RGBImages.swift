// What the RGB sets share (datasets.md 9.1): decode, resize to 32 x 32 as Pillow does, store bytes channel after
// channel, scale by 1/255 on reading.

import Basics
import ShardFormat

enum RGBImages {
  static let side = 32
  static let recordBytes = 3 * side * side

  static func store(_ image: Raster, into record: UnsafeMutableRawPointer) {
    image.resized(width: side, height: side).storePlanes(to: record)
  }

  /// - Parameters:
  ///   - rows: in the split's order.
  ///   - labels: of all rows of the tree.
  ///   - names: of the classes.
  static func plan(
    _ split: String, _ rows: [Int32], labels: [UInt16], names: [String],
    metric: String = "accuracy"
  ) -> SplitPlan {
    let isSmall = names.count <= 256
    return SplitPlan(
      split: split,
      inputs: [InputDescription(kind: "image", shape: [3, side, side], patch: [4, 4])],
      fields: [
        Field("input.0", .uint8, [3, side, side]), Field("label", isSmall ? .uint8 : .uint16, []),
      ],
      task: TaskDescription(kind: "classes", classes: names.count, names: names, metric: metric),
      transforms: [Transform(scale: [1 / 255])], content: .records(rows),
      columns: rows.flatMap { row -> [UInt8] in
        let label = labels[Int(row)]
        return isSmall ? [UInt8(label)] : [UInt8(label & 255), UInt8(label >> 8)]
      })
  }

  /// The per-class 80/20 split: one generator over all classes, each class's rows shuffled in turn.
  /// - Parameter groups: rows of each class, in the order in which the classes are drawn.
  static func fourFifthsSplit(_ groups: [[Int32]]) -> (train: [Int32], test: [Int32]) {
    var generator = MersenneTwister(numpySeed: 42)
    var (train, test): ([Int32], [Int32]) = ([], [])
    for rows in groups {
      let shuffled = generator.permutation(rows.count).map { rows[Int($0)] }
      let cut = fourFifths(rows.count)
      train += shuffled[..<cut]
      test += shuffled[cut...]
    }
    return (train, test)
  }
}
