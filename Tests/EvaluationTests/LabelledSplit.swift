// Small finished splits whose label is a plain function of the input, one of each kind of task.

import Basics
import ShardFormat
import TestSupport

/// Series of two channels and eight steps; the first channel's level tells the label.
enum LabelledSplit {
  enum Kind: String, CaseIterable, Sendable {
    case classes, binary, regression, tokenClasses, weighted

    var task: TaskDescription {
      switch self {
      case .classes:
        TaskDescription(
          kind: "classes", classes: 4, names: ["a", "b", "c", "d"], metric: "accuracy")
      case .binary:
        TaskDescription(kind: "classes", classes: 2, names: ["no", "yes"], metric: "accuracy")
      case .regression:
        TaskDescription(kind: "regression", classes: 0, names: [], metric: "spearman")
      case .tokenClasses:
        TaskDescription(
          kind: "token-classes", classes: 3, names: ["low", "high", "padding"],
          metric: "token_accuracy")
      case .weighted:
        TaskDescription(
          kind: "classes", classes: 4, names: ["a", "b", "c", "d"], metric: "weighted_f1")
      }
    }

    fileprivate var label: Field {
      switch self {
      case .classes, .binary, .weighted: Field("label", .uint16, [])
      case .regression: Field("label", .float32, [])
      case .tokenClasses: Field("label", .uint8, [4])
      }
    }
  }

  /// - Parameter steps: of a sample; two to a token.
  static func write(
    _ kind: Kind, count: Int, steps: Int = 8, seed: UInt64, split: String, in directory: String
  ) throws {
    let input = Field("input.0", .float32, [2, steps])
    var manifest = Manifest(
      dataset: kind.rawValue, split: split,
      inputs: [InputDescription(kind: "series", shape: [2, steps], patch: [2])],
      fields: [input, kind.label], task: kind.task, transforms: [Transform()], sampleCount: count,
      samplesPerBlock: 16, provenance: Provenance())
    try Files.createFolder(directory)
    let layout = manifest
    let order = manifest.storageOrder
    let shard = try ShardWriter.write(
      shard: 0, blocks: 0..<manifest.blockCount, of: manifest, in: directory
    ) { block, bytes in
      let n = layout.sampleCount(ofBlock: block)
      let size = 8 * steps
      let labelBytes = kind.label.type.byteCount * (kind == .tokenClasses ? 4 : 1)
      for s in 0..<n {
        let ordinal = order[UInt64(block * 16 + s)]
        var stream = RandomStream(RandomKey(seed: seed, "labelled", ordinal))
        let level = Int(stream.below(4))
        let place = n * size + s * labelBytes
        for token in 0..<4 where kind == .tokenClasses {
          bytes[place + token] = token == 3 ? 2 : UInt8((level >> (token % 2)) & 1)
        }
        for step in 0..<steps {
          let own =
            kind == .tokenClasses
            ? (step / 2 % 4 == 3 ? 6 : 3 * Double((level >> (step / 2 % 2)) & 1)) : Double(level)
          for (channel, value) in [own, 0].enumerated() {
            bytes.storeBytes(
              of: Float(value + 0.2 * stream.normal()),
              toByteOffset: s * size + 4 * (channel * steps + step), as: Float.self)
          }
        }
        switch kind {
        case .classes, .weighted:
          bytes.storeBytes(of: UInt16(level), toByteOffset: place, as: UInt16.self)
        case .binary:
          bytes.storeBytes(of: UInt16(level / 2), toByteOffset: place, as: UInt16.self)
        case .regression:
          bytes.storeBytes(of: Float(level * level), toByteOffset: place, as: Float.self)
        case .tokenClasses: break
        }
      }
    }
    manifest.shards.append(shard)
    try manifest.write(to: directory)
  }
}
